import { expect, test } from 'bun:test'
import { readProjectFile } from './page.ts'

/** The unit's lines, each directive's values in their order (systemd.syntax(7)). */
async function readUnit(): Promise<Map<string, string[]>> {
  const directives = new Map<string, string[]>()
  for (const line of (await readProjectFile('deploy/doable.service')).split('\n')) {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (name !== undefined) directives.set(name, [...(directives.get(name) ?? []), value])
  }
  return directives
}

const unit = await readUnit()

test('a start that fails is tried again without end', () => {
  expect(unit.get('StartLimitIntervalSec')).toEqual(['0'])
  expect(unit.get('Restart')).toEqual(['always'])
  expect(unit.get('RestartSec')).toEqual(['2s'])
})

test.each([
  { settings: { WORKERS: '2' }, hung: true },
  { settings: { WORKERS: '1' }, hung: false },
  { settings: {}, hung: false },
])('a reload with $settings sends SIGHUP only where there are workers to replace', async ({ settings, hung }) => {
  const [reload = ''] = unit.get('ExecReload') ?? []
  // systemd's own quoting, of which there is one level here; `$$` is its `$` (systemd.service(5), COMMAND LINES).
  const [, script = ''] = /^\/bin\/sh -c '(.*)'$/.exec(reload) ?? []
  const process = Bun.spawn(['sleep', '60'])
  const shell = Bun.spawn(['/bin/sh', '-c', script.replaceAll('$$', '$')], {
    env: { PATH: '/usr/bin:/bin', MAINPID: String(process.pid), ...settings },
  })
  expect((await shell.exited) === 0).toBe(hung)
  if (!hung) process.kill('SIGTERM')
  await process.exited
  expect(process.signalCode).toBe(hung ? 'SIGHUP' : 'SIGTERM')
})

test('a stop is sent to the parent of the workers alone', () => {
  expect(unit.get('KillMode')).toEqual(['mixed'])
})

test('it has the memory limit that the page and the image speak of, for all processes together', () => {
  expect(unit.get('MemoryMax')).toEqual(['1G'])
  expect(unit.has('MemoryDenyWriteExecute')).toBe(false)
})
