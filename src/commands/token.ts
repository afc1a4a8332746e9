import { SCOPES, type Scope } from '../auth/scope.ts'
import { readConfig } from '../config.ts'
import { currentSecret, openTokens } from '../serve.ts'
import { type Host, print, readArgs, UsageError } from './host.ts'

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Prints a token that speaks for a user. */
export async function token(args: string[], host: Host): Promise<number> {
  const { positionals, values } = readArgs(args, 1, {
    ttl: { type: 'string', default: '1h' },
    scope: { type: 'string', multiple: true, default: [] },
  })
  const [userId = ''] = positionals
  if (userId === '' || userId.length > 255) throw new UsageError('token needs a user id of 1 to 255 characters')
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(String(values['ttl'])) ?? []
  const seconds = Number(amount) * (SECONDS[unit] ?? Number.NaN)
  if (!(seconds > 0)) throw new UsageError('--ttl takes a number and a unit, such as 90s, 15m, 12h or 30d')
  const scopes = readScopes([values['scope']].flat().join(' '))
  const config = readConfig(host.env)
  const tokens = await openTokens(config, await currentSecret(config))
  await print(host.stdout, `${await tokens.sign(userId, seconds, scopes)}\n`)
  return 0
}

/** @throws UsageError for a name that is no scope: a token that is limited to a misspelt one could do nothing. */
function readScopes(text: string): Scope[] {
  const names = text.split(/[ ,]+/).filter((name) => name !== '')
  const unknown = names.find((name) => !SCOPES.some((scope) => scope === name))
  if (unknown !== undefined) throw new UsageError(`--scope takes ${SCOPES.join(' and ')}, not ${unknown}`)
  return SCOPES.filter((scope) => names.includes(scope))
}
