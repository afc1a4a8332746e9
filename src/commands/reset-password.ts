import { createResetLink } from '../accounts/password.ts'
import { type Config, readConfig } from '../config.ts'
import { codeOf } from '../db/errors.ts'
import { createLog } from '../log.ts'
import { askControl } from '../service/control.ts'
import { withDatabase } from './database.ts'
import { type Host, print, readArgs, UsageError } from './host.ts'

/** Prints a link by which the password of an account can be set, once. */
export async function resetPassword(args: string[], host: Host): Promise<number> {
  const [email = ''] = readArgs(args, 1).positionals
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw new UsageError('reset-password needs the e-mail address of an account')
  const config = readConfig(host.env, { secret: false })
  if (!config.accounts)
    throw new Error('there are no accounts here: passwords are kept by whoever issues the tokens (ACCOUNTS)')
  const link = await makeLink(config, email).catch((error) => {
    // The embedded database is for one process: the one that has it makes the link.
    if (codeOf(error) === 'SQLITE_BUSY') return askControl(config.dataDir, email)
    throw error
  })
  if (link === undefined) throw new Error('no account has this e-mail address')
  await print(host.stdout, `${link}\n`)
  await print(host.stderr, 'The link works once, and for an hour.\n')
  return 0
}

/** Undefined where no account has the address. */
function makeLink(config: Config, email: string): Promise<string | undefined> {
  const publicUrl = config.publicUrl ?? `http://localhost:${config.port}`
  return withDatabase(config, ({ db }) => createResetLink(db, createLog('silent'), publicUrl, email))
}
