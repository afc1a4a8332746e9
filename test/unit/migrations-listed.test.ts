import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import journal from '../../drizzle/meta/_journal.json'
import { migrations } from '../../src/db/migrate.ts'

const folder = join(import.meta.dir, '../../drizzle')

test('the folder, its journal and the program hold the same migrations in the same order', async () => {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  expect(journal.entries.map(({ tag }) => `${tag}.sql`)).toEqual(files)
  const hashes = files.map(async (name) =>
    createHash('sha256')
      .update(await Bun.file(join(folder, name)).bytes())
      .digest('hex'),
  )
  expect(migrations.map(({ hash }) => hash)).toEqual(await Promise.all(hashes))
})

test('each migration is newer than the one before it: an older one would be passed over', () => {
  const times = journal.entries.map(({ when }) => when)
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
  expect(migrations.map(({ folderMillis }) => folderMillis)).toEqual(times)
})
