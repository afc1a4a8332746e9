import postgres from 'postgres'
import { boot } from './boot.ts'
import { checkedTraffic, seedUsers, type Traffic } from './checked-traffic.ts'

const USERS = 24

/** How much is asked, and how often the table is altered, at least. */
const ASKED = 600
const ALTERATIONS = 12

/**
 * A service under load while the type of a column changes back and forth, so that the server refuses prepared
 * statements with "cached plan must not change result type".
 *
 * @param direct the database's own address, past whatever stands between.
 */
export async function alterUnderLoad(env: Record<string, string>, direct: string): Promise<Traffic> {
  const admin = postgres(direct, { max: 1, onnotice: () => {} })
  const target = await boot('postgres', env)
  const traffic: Traffic = { asked: 0, unavailable: 0, wrong: [] }
  let altering = true
  try {
    const users = await seedUsers(target, USERS)
    const running = checkedTraffic(users, () => altering, traffic)
    for (let n = 0; n < ALTERATIONS || traffic.asked < ASKED; n++) {
      await Bun.sleep(100)
      await admin.unsafe(`alter table doable.tasks alter column title type ${n % 2 ? 'text' : 'varchar(5000)'}`)
    }
    altering = false
    await running
    return traffic
  } finally {
    altering = false
    await target.stop()
    await admin.end()
  }
}
