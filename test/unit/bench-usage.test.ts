import { expect, test } from 'bun:test'
import { cpuOf } from '../../bench/usage.ts'

/** Three times a dozen children at once, each of which counts for a while, then a rest. */
const COUNT = 'i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done'
const BUSY = `for round in 1 2 3; do for n in 1 2 3 4 5 6 7 8 9 10 11 12; do (${COUNT}) & done; wait; done; exec sleep 60`

/** What the kernel rounds: two clock ticks, in seconds. */
const ROUNDING = 0.02

test('the CPU of a process never becomes less, whatever children end', async () => {
  const busy = Bun.spawn(['sh', '-c', BUSY])
  try {
    let most = 0
    for (let quiet = 0; quiet < 20; ) {
      const cpu = await cpuOf(busy.pid)
      expect(cpu).toBeGreaterThanOrEqual(most - ROUNDING)
      quiet = cpu > most || most === 0 ? 0 : quiet + 1
      most = Math.max(most, cpu)
    }
    expect(most).toBeGreaterThan(0)
  } finally {
    busy.kill()
    await busy.exited
  }
})
