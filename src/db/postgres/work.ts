import type postgres from 'postgres'
import type { Work } from './guard.ts'
import { connectionError } from './wire.ts'

export type Transaction = (tx: postgres.TransactionSql) => Promise<unknown>

type Settings = postgres.UnsafeQueryOptions | undefined
type SettingsOf = (text: string, settings: Settings) => Settings

/** One statement, which commits by itself. @param arrays rows as arrays rather than objects. */
export function sendStatement(query: postgres.PendingQuery<postgres.Row[]>, arrays: boolean): Work<unknown> {
  // Null until a connection takes the query; its type does not say so.
  const isSent = () => (query as { state?: unknown }).state !== null
  return {
    result: arrays ? query.values() : query,
    isSent,
    abandon() {
      // Once sent it must be left alone: postgres.js then takes the next answer for another query's.
      if (!isSent()) query.cancel()
    },
  }
}

/**
 * @param renew is called as each statement of the transaction begins.
 * @param settingsOf says how a statement is sent, where not as it was asked for.
 */
export function runTransaction(
  sql: postgres.Sql,
  work: Transaction,
  renew: () => void,
  settingsOf: SettingsOf = (_, settings) => settings,
): Work<unknown> {
  let begun = false
  let abandoned = false
  const check = () => {
    if (abandoned) throw connectionError('CONNECT_TIMEOUT', 'the transaction took too long')
  }
  const bound = (tx: postgres.TransactionSql) => {
    const { unsafe, savepoint } = tx
    return Object.assign(tx, {
      unsafe(...[text, parameters, settings]: Parameters<typeof unsafe>) {
        check()
        renew()
        return unsafe(text, parameters, settingsOf(text, settings))
      },
      savepoint: (nested: Transaction) => savepoint((inner) => nested(bound(inner))),
    })
  }
  return {
    result: sql.begin(async (tx) => {
      begun = true
      const value = await work(bound(tx))
      // Roll back: the client already got a 503.
      check()
      return value
    }),
    isSent: () => begun,
    abandon() {
      abandoned = true
    },
  }
}
