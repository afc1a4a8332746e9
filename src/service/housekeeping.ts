import { forgetSessions } from '../accounts/sessions.ts'
import type { Db } from '../db/database.ts'
import { forgetAnswers } from '../http/kept-answers.ts'
import { purgeExpired as purgeLists } from '../lists/purge.ts'
import { purgeExpired as purgeTasks } from '../tasks/purge.ts'

/**
 * Removes what has had its time: the content of tasks and lists that have been in the trash for
 * `days`, kept answers, sessions. Several replicas can run it at once.
 *
 * @param changed is told whose rows have changed.
 * @returns how many tasks were emptied.
 */
export async function tidy(db: Db, days: number, changed?: (user: string) => void): Promise<number> {
  const purged = await purgeTasks(db, days, changed)
  await purgeLists(db, days, changed)
  await forgetAnswers(db)
  await forgetSessions(db)
  return purged
}
