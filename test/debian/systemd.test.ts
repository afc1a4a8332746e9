import { expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readProjectFile } from '../docs/page.ts'
import { run } from './programs.ts'

test('systemd takes every line of the unit, and rates what an intruder could reach at 2 of 10 or less', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doable-unit-'))
  const unit = join(folder, 'doable.service')
  // It asks that the program is there.
  const text = (await readProjectFile('deploy/doable.service')).replace('/usr/local/bin/doable', '/bin/true')
  await writeFile(unit, text)
  const verify = ['systemd-analyze', 'verify', '--man=no', '--recursive-errors=no']
  expect(await run([...verify, unit])).toEqual({ code: 0, out: '', err: '' })
  const security = ['systemd-analyze', 'security', '--no-pager', '--offline=yes', '--threshold=20']
  const rated = await run([...security, unit])
  expect(rated.code, rated.out).toBe(0)
  await writeFile(unit, text.replace('StartLimitIntervalSec=0', 'StartLimitIntervalSecs=0'))
  expect((await run([...verify, unit])).err).toContain('StartLimitIntervalSecs')
  await rm(folder, { recursive: true })
})
