import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { newFolder, PROGRAM, run } from './program.ts'

/** ELF header, e_machine (System V ABI). */
const MACHINES: Record<number, string> = { 62: 'x64', 183: 'arm64' }

async function readElf(path: string) {
  const file = Bun.file(path)
  const head = new DataView(await file.slice(0, 4096).arrayBuffer())
  const text = new TextDecoder('latin1').decode(head)
  return {
    magic: text.slice(0, 4),
    machine: MACHINES[head.getUint16(18, true)],
    interpreter: /\/lib[\w./-]*ld-linux[\w.-]+/.exec(text)?.[0],
    size: file.size,
  }
}

const INTERPRETERS = { x64: '/lib64/ld-linux-x86-64.so.2', arm64: '/lib/ld-linux-aarch64.so.1' }

test.each(['x64', 'arm64'] as const)('it is built for %s with glibc, everything inside', async (arch) => {
  await using folder = await newFolder()
  const outfile = join(folder.path, 'doable')
  const { PATH = '', HOME = folder.path } = process.env
  const place = { cwd: join(import.meta.dir, '../..'), env: { PATH, HOME }, program: process.execPath }
  const { code, stderr } = await run(['scripts/build.ts', '--arch', arch, '--outfile', outfile], place)
  expect(code, stderr).toBe(0)
  const elf = await readElf(outfile)
  expect(elf).toMatchObject({ magic: '\x7fELF', machine: arch, interpreter: INTERPRETERS[arch] })
  const program = Buffer.from(await Bun.file(outfile).arrayBuffer())
  for (const asset of [
    '@electric-sql/pglite/dist/pglite.wasm',
    '@electric-sql/pglite/dist/pglite.data',
    '@electric-sql/pglite-prepopulatedfs/dist/prepopulatedfs.tgz',
  ]) {
    const bytes = await Bun.file(join(import.meta.dir, '../../node_modules', asset)).bytes()
    expect(program.includes(Buffer.from(bytes)), asset).toBe(true)
  }
})

test('an unknown processor is refused by name', async () => {
  const place = { cwd: join(import.meta.dir, '../..'), program: process.execPath }
  const { code, stderr } = await run(['scripts/build.ts', '--arch', 'riscv64'], place)
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('--arch takes one of x64, amd64, arm64'),
  })
})

test('the program under test is for this machine', async () => {
  expect(await readElf(PROGRAM)).toMatchObject({ machine: process.arch })
})
