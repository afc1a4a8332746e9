import { version } from '../../package.json'
import { ConfigError, type Env, readLogLevel } from '../config.ts'
import { createLog, flushLog } from '../log.ts'
import { migrate, purge, restored } from './database.ts'
import { healthcheck } from './healthcheck.ts'
import { type Command, type Host, print, UsageError } from './host.ts'
import { openapi } from './openapi.ts'
import { resetPassword } from './reset-password.ts'
import { serve } from './serve.ts'
import { token } from './token.ts'
import { worker } from './worker.ts'

interface Entry {
  run: Command
  /** Its lines of the usage: what to type, and what it does. Undefined: not for people. */
  usage?: readonly [typed: string, does: string]
  /** A service says why it does not start in its log, too: nobody may be reading its standard error. */
  isService?: boolean
}

/** Every command by its name, in the order of the usage. */
const commands: Record<string, Entry> = {
  serve: { run: serve, usage: ['serve', 'answer requests (the default)'], isService: true },
  migrate: { run: migrate, usage: ['migrate', 'bring the database to this version, and end'] },
  purge: { run: purge, usage: ['purge', 'empty what has been in the trash for TRASH_DAYS, and end'] },
  restored: {
    run: restored,
    usage: ['restored', "begin every user's history anew, after a backup was restored; and end"],
  },
  token: {
    run: token,
    usage: [
      'token <user_id> [--ttl 1h]',
      'print a token that speaks for a user (ttl: 90s, 15m, 12h, 30d); --scope tasks:read or\n                             tasks:write, or both, limits it',
    ],
  },
  'reset-password': {
    run: resetPassword,
    usage: ['reset-password <email>', 'print a link that sets the password of an account once'],
  },
  healthcheck: { run: healthcheck, usage: ['healthcheck', 'ask a running service whether it is alive; exit 0 or 1'] },
  openapi: { run: openapi, usage: ['openapi', 'print the OpenAPI 3.1 document'] },
  // One of several processes that serve on one port: started by `serve` only.
  worker: { run: worker, isService: true },
}

const USAGE = `Doable ${version}: a multi-user to-do API

Usage: doable [command] [options]

Commands
${Object.values(commands)
  .flatMap(({ usage }) => (usage ? [`  ${usage[0].padEnd(26)} ${usage[1]}`] : []))
  .join('\n')}

Options
  --help     print this
  --version  print the version

All settings come from the environment: see .env.example or the README.
`

/**
 * Runs what the command line asks for, to its end.
 *
 * @returns the exit status: 0, 1 for a failure, 2 for a wrong command line. Everything printed and logged is out then.
 */
export async function runCommand(argv: string[], host: Host): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) return await print(host.stdout, USAGE).then(() => 0)
  if (argv.includes('--version')) return await print(host.stdout, `${version}\n`).then(() => 0)
  const [first = 'serve', ...rest] = argv
  const isNamed = !first.startsWith('-')
  const name = isNamed ? first : 'serve'
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  try {
    if (entry === undefined) throw new UsageError(`unknown command: ${name}`)
    return await entry.run(isNamed ? rest : argv, host)
  } catch (error) {
    if (error instanceof UsageError) {
      await print(host.stderr, `${error.message}\n\n${USAGE}`)
      return 2
    }
    const text = error instanceof Error ? error.message : String(error)
    if (entry?.isService) await logFailure(error, text, host.env)
    await print(host.stderr, error instanceof ConfigError ? `${text}\n` : `doable: ${text}\n`)
    return 1
  }
}

async function logFailure(error: unknown, text: string, env: Env): Promise<void> {
  const log = createLog(readLogLevel(env))
  if (error instanceof ConfigError) log.fatal({ faults: error.faults }, 'the configuration is not usable')
  else log.fatal({ cause: text }, 'the start failed')
  await flushLog(log)
}
