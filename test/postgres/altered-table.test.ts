import { expect, setDefaultTimeout, test } from 'bun:test'
import { alterUnderLoad } from '../kit/altered-table.ts'
import { newDatabase } from '../kit/postgres-server.ts'

setDefaultTimeout(60_000)

for (const pool of [1, 4])
  test(`a table altered under load, connections: ${pool}: every answer is the asked one's, and single writes are done`, async () => {
    const url = await newDatabase()
    const { wrong, unavailable, asked } = await alterUnderLoad({ DATABASE_URL: url, DB_POOL: String(pool) }, url)
    expect(wrong).toEqual([])
    expect(unavailable).toBeLessThan(asked / 5)
  })
