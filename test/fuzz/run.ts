/**
 * Schemathesis with all its checks against the running service and its own OpenAPI document,
 * over both databases, or that of `TEST_DATABASE`, without accounts and with them. `EXAMPLES` for each operation (20;
 * give it hundreds by hand), `DOABLE_BINARY` for the compiled program, `SCHEMATHESIS` for one that
 * is installed already. Arguments go on to Schemathesis: `--include-operation-id signUp`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boot, databases, stopAll, type Target } from '../kit/boot.ts'
import { newPerson } from '../kit/person.ts'

const examples = process.env['EXAMPLES'] ?? '20'
const temporary = await mkdtemp(join(tmpdir(), 'doable-fuzz-'))

async function run(command: string[], env: Record<string, string> = {}): Promise<number> {
  return Bun.spawn(command, {
    cwd: temporary,
    env: {
      ...process.env,
      SCHEMATHESIS_HOOKS: 'hooks',
      PYTHONPATH: import.meta.dir,
      PYTHONDONTWRITEBYTECODE: '1',
      ...env,
    },
    stdout: 'inherit',
    stderr: 'inherit',
  }).exited
}

async function install(): Promise<string> {
  const bin = join(temporary, 'venv/bin')
  const requirements = join(import.meta.dir, 'requirements.txt')
  if ((await run(['python3', '-m', 'venv', join(temporary, 'venv')])) !== 0) throw new Error('no virtual environment')
  if ((await run([join(bin, 'pip'), 'install', '--quiet', '--requirement', requirements])) !== 0)
    throw new Error('Schemathesis could not be installed')
  return join(bin, 'schemathesis')
}

/** A user of this service, and how Schemathesis is told of them. */
type Credentials = (service: Target) => Promise<{ options: string[]; env: Record<string, string> }>

const byToken: Credentials = async ({ tokens }) => ({
  options: ['--header', `Authorization: Bearer ${await tokens.sign('alice', 24 * 3600)}`],
  env: { USER_ID: 'alice' },
})

/** `hooks.py` makes the headers: which token an operation takes depends on its `security`. */
const byAccount: Credentials = async ({ url }) => {
  const ada = newPerson(url)
  const { data, error } = await ada.signUp()
  if (!data) throw new Error(`no account: ${JSON.stringify(error)}`)
  return { options: [], env: { DOABLE_URL: url, USER_ID: data.user.id, DOABLE_SESSION: ada.session() } }
}

const modes = { off: byToken, on: byAccount }

let failed = false
try {
  const schemathesis = process.env['SCHEMATHESIS'] ?? (await install())
  for (const kind of databases)
    for (const [accounts, credentials] of Object.entries(modes)) {
      const service = await boot(kind, {
        ...{ RATE_LIMIT: '0', LOG_LEVEL: 'warn', ACCOUNTS: accounts },
        // Accounts limit attempts by address even so: `hooks.py` gives each request one of its own.
        TRUSTED_PROXIES: '127.0.0.1',
      })
      process.stdout.write(`\nOver ${kind}, accounts ${accounts}, ${examples} examples for each operation\n`)
      const { options, env } = await credentials(service)
      const status = await run(
        [
          ...[schemathesis, '--config-file', join(import.meta.dir, 'schemathesis.toml')],
          ...['run', `${service.url}/swagger/json`, '--url', service.url, '--checks', 'all', ...options],
          ...['--max-examples', examples, '--suppress-health-check', 'all', '--warnings', 'off', '--no-color'],
          ...process.argv.slice(2),
        ],
        env,
      )
      if (status !== 0) failed = true
      await service.stop()
    }
} finally {
  await stopAll()
  await rm(temporary, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)
