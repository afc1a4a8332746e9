import { forgetSessions } from '../accounts/sessions.ts'
import type { Db } from '../db/open.ts'
import { forgetAnswers } from '../http/kept-answers.ts'
import { purgeExpired } from '../tasks/purge.ts'

/**
 * Removes what has had its time: the content of tasks that have been in the trash for `days`,
 * kept answers, sessions. Several replicas can run it at once.
 *
 * @param changed is told whose tasks have changed.
 * @returns how many tasks were emptied.
 */
export async function tidy(db: Db, days: number, changed?: (user: string) => void): Promise<number> {
  const purged = await purgeExpired(db, days, changed)
  await forgetAnswers(db)
  await forgetSessions(db)
  return purged
}
