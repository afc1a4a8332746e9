import { expect, test } from 'bun:test'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { newFolder, type Place, run, start } from './program.ts'

test('a copy of DATA_DIR is a backup: tasks, revisions and tokens hold in another place', async () => {
  await using folder = await newFolder()
  const place = (name: string): Place => ({ cwd: folder.path, env: { PORT: '0', DATA_DIR: join(folder.path, name) } })
  const first = start(['serve'], place('first'))
  const url = await first.url
  const { stdout } = await run(['token', 'alice'], place('first'))
  const headers = { authorization: `Bearer ${stdout.trim()}`, 'content-type': 'application/json' }
  const tasks = '/api/alice/tasks'
  for (const title of ['Buy milk', 'Call Bob'])
    await fetch(url + tasks, { method: 'POST', headers, body: JSON.stringify({ title }) })
  const before: unknown = await (await fetch(url + tasks, { headers })).json()
  expect(before).toHaveLength(2)
  expect(await first.end()).toBe(0)

  await cp(join(folder.path, 'first'), join(folder.path, 'second'), { recursive: true })
  const second = start(['serve'], place('second'))
  expect(await (await fetch((await second.url) + tasks, { headers })).json()).toEqual(before)
  expect(await second.end()).toBe(0)
})
