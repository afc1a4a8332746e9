import type postgres from 'postgres'
import { boot, type Target } from './boot.ts'
import { checkedTraffic, seedUsers, type Traffic } from './checked-traffic.ts'
import { openSession } from './postgres-server.ts'
import { until } from './until.ts'

const USERS = 24

/** How often the service is disturbed, and how many answers other than 503 it gives in all, at least. */
const TIMES = 12
const ANSWERED = 1200

/** What is done to a service under load, the n-th time, by a superuser of its database. */
export type Disturbance = (admin: postgres.Sql, n: number, target: Target) => Promise<unknown>

/**
 * A service whose every answer is checked while its database is disturbed again and again.
 *
 * @param direct the database's own address, past whatever stands between.
 */
export async function underLoad(
  env: Record<string, string>,
  direct: string,
  disturb: Disturbance,
  times = TIMES,
): Promise<Traffic> {
  const admin = openSession(direct)
  const target = await boot('postgres', env)
  const traffic: Traffic = { asked: 0, unavailable: 0, wrong: [] }
  let isOver = false
  try {
    const users = await seedUsers(target, USERS)
    const running = checkedTraffic(users, () => !isOver, traffic)
    const answered = () => traffic.asked - traffic.unavailable
    for (let n = 0; n < times; n++) {
      const enough = answered() + ANSWERED / times
      await disturb(admin, n, target)
      await until('there are answers again', () => answered() >= enough)
    }
    isOver = true
    await running
    return traffic
  } finally {
    isOver = true
    await target.stop()
    await admin.end()
  }
}

/** The type of a column changes, so that the server refuses statements: "cached plan must not change result type". */
export const alterTable: Disturbance = async (admin, n) => {
  await Bun.sleep(100)
  await admin.unsafe(`alter table doable.tasks alter column title type ${n % 2 ? 'text' : 'varchar(5000)'}`)
}
