import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import postgres from 'postgres'
import { OWN_ISSUER } from '../../src/accounts/accounts.ts'
import { createAccountIssuer } from '../../src/accounts/issuer.ts'
import { createTokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import type { Database } from '../../src/db/database.ts'
import { openDatabase } from '../../src/db/open.ts'
import { boot, type Target } from '../kit/boot.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

let target: Target
let database: Database
let clock = 0

beforeAll(async () => {
  target = await boot('postgres')
  database = await openDatabase(readConfig({ DATABASE_URL: target.databaseUrl, BETTER_AUTH_SECRET: SECRET }))
})
afterAll(async () => {
  await database?.close()
  await target?.stop()
})

/** The token checks of another replica, whose clock is the test's. */
const replica = () =>
  createTokens(
    {
      ...readConfig({}),
      secrets: [],
      own: createAccountIssuer(database.db, [SECRET], { issuer: OWN_ISSUER, audience: OWN_ISSUER }, () => clock),
    },
    () => clock,
  )

/** How long the replica goes on accepting a token, asked every second, in milliseconds; 90 s at most. */
async function acceptedFor({ verify }: Awaited<ReturnType<typeof replica>>, token: string): Promise<number> {
  const start = clock
  for (; clock - start < 90_000; clock += 1000) {
    const refusal = await verify(token).then(
      () => undefined,
      (error: { code: string }) => error.code,
    )
    if (refusal === undefined) continue
    expect(refusal).toBe('token-invalid')
    break
  }
  return clock - start
}

test("on other replicas, a deleted account's token counts for 60 s at most", async () => {
  const ada = newPerson(target.url)
  await ada.signUp()
  const [token, tokens] = [await ada.token(), await replica()]
  await tokens.verify(token)
  expect((await ada.client.deleteUser({ password: PASSWORD })).error).toBeNull()
  expect(await acceptedFor(tokens, token)).toBeWithin(1, 60_001)
})

test('where the account was deleted, its token ends at once, even if it was being checked meanwhile', async () => {
  const ada = newPerson(target.url)
  const id = (await ada.signUp()).data?.user.id ?? ''
  const [token, tokens] = [await ada.token(), await replica()]
  const checking = tokens.verify(token)
  await ada.client.deleteUser({ password: PASSWORD })
  tokens.end(id)
  await checking.catch(() => {})
  expect(await acceptedFor(tokens, token)).toBe(0)
})

test('a key that was taken out of the table counts for 60 s at most, and others go on', async () => {
  const ada = newPerson(target.url)
  await ada.signUp()
  const tokens = await replica()
  const token = await ada.token()
  await tokens.verify(token)
  expect(await acceptedFor(tokens, token)).toBe(90_000)
  const sql = postgres(target.databaseUrl ?? '', { max: 1 })
  await sql`delete from doable.account_keys`
  await sql.end()
  expect(await acceptedFor(tokens, token)).toBeWithin(1, 60_001)
  expect(await acceptedFor(tokens, await ada.token())).toBe(90_000)
})
