import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { boot, databases } from '../kit/boot.ts'
import { runInShell } from './program.ts'

test.each(databases)("the guide's lines lead from nothing to a task over the %s database", async (kind) => {
  const text = await Bun.file(join(import.meta.dir, '../../docs/accounts.md')).text()
  const block = text.split('```').find((part) => part.startsWith('sh\nACCOUNT=')) ?? ''
  const target = await boot(kind)
  const lines = block.slice(3).replaceAll('http://localhost:8000', target.url).replaceAll('curl -s', 'curl -sf')
  const output = await runInShell(lines)
  expect(JSON.parse(output)).toMatchObject({ title: 'Buy milk' })
  await target.stop()
})
