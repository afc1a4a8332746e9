import { causes, Problem } from '../../problem.ts'
import { codeOf, Refusal } from '../errors.ts'

/**
 * What an error says of the database.
 *
 * - `broken`: the connection is lost or was refused, or its answers are in doubt. What was sent on it may have been done.
 * - `stale`: the server refused a prepared statement as it stands, and did nothing.
 * - `read-only`: the server takes no writes, and did nothing.
 * - `not-now`: it is too busy, or the statement took too long.
 */
export type Verdict = 'broken' | 'stale' | 'read-only' | 'not-now'

/** SQLSTATEs of a connection that was refused or is lost (PostgreSQL manual, appendix A). */
const LOST = /^(08...|28...|3D000|53300|57P0.)$/

/** Codes of postgres.js and of the socket below it. */
const BROKEN = /^(CONNECT|SASL|DNS_|ERR_(STREAM|SOCKET)|E(CONN|HOST|NET|PIPE|TIMEDOUT|NOTFOUND|AI_|NOENT|ACCES))/

const READ_ONLY = '25006'

/** SQLSTATEs of work that may succeed when it is sent again later. */
const NOT_NOW = /^(53...|57014|40001|40P01|55P03)$/

/** The prepared statement does not exist: a pooler has taken another connection to the server, perhaps for others, too. */
export const NOT_PREPARED = '26000'

/** PostgreSQL's function that raises "cached plan must not change result type" (0A000), after an ALTER TABLE. */
const REVALIDATION = 'RevalidateCachedQuery'

/** Undefined for an error of the statement's own. A Problem, which the code above has thrown, is one. */
export function judge(error: unknown): Verdict | undefined {
  for (const at of causes(error)) {
    if (at instanceof Problem) return undefined
    if (at instanceof Refusal) return 'broken'
  }
  const code = codeOf(error) ?? ''
  if (code === NOT_PREPARED || LOST.test(code) || BROKEN.test(code)) return 'broken'
  if (code === READ_ONLY) return 'read-only'
  if (NOT_NOW.test(code)) return 'not-now'
  return staleStatement(error) === undefined ? undefined : 'stale'
}

/** The text of the prepared statement that the server refused as it stands, if this is such an error. */
export function staleStatement(error: unknown): string | undefined {
  for (const at of causes(error)) {
    const { routine, query } = at as { routine?: unknown; query?: unknown }
    if (routine === REVALIDATION && typeof query === 'string') return query
  }
  return undefined
}
