import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { boot, databases } from '../kit/boot.ts'
import { runInShell } from './program.ts'

/** The block of the README that begins with this line. */
async function readBlock(start: string): Promise<string> {
  const text = await Bun.file(join(import.meta.dir, '../../README.md')).text()
  const block = text.split('```').find((part) => part.startsWith(`sh\n${start}`))
  if (block === undefined) throw new Error(`the README has no block that begins with ${start}`)
  return block.slice(3)
}

test.each(databases)("the README's curl lines do the whole life of a task over the %s database", async (kind) => {
  const target = await boot(kind)
  const block = await readBlock('TOKEN=')
  const token = await target.tokens.sign('alice', 60)
  const lines = block
    .replace(/\$\(npx -y bun@[\d.]+ src\/main\.ts token alice\)/, token)
    .replaceAll('http://localhost:8000', target.url)
    // Pasted as they are, but for stopping at the first that fails.
    .replaceAll('curl -s', 'curl -sf')
  expect(lines).not.toInclude('npx')
  const output = await runInShell(lines)
  expect(output).toInclude('"title":"Buy milk"')
  expect(output).toInclude('"priority":"high"')
  expect(output).toInclude('"completed":true')
  expect(output).toEndWith('204\n')
  await target.stop()
})
