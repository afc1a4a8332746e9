import { readdir } from 'node:fs/promises'

/** Kernel clock ticks in a second; 100 on every Linux that Bun runs on. */
const TICKS = 100

interface Stat {
  parent: number
  /** Of the process and of the children that it has waited for, in seconds. */
  cpu: number
  /** Of these children alone, in clock ticks. */
  waited: number
}

async function readStat(pid: number | string): Promise<Stat | undefined> {
  const text = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => '')
  if (text === '') return undefined
  // The name before the last bracket may hold anything; fields are counted as in proc(5), from the third.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, children = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number)
  const waited = children + childrenSystem
  return { parent: Number(fields[1]), cpu: (user + system + waited) / TICKS, waited }
}

/** CPU seconds that a process and its children have used. */
export async function cpuOf(pid: number): Promise<number> {
  for (;;) {
    const before = await readStat(pid)
    const stats = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(readStat))
    const children = stats.reduce((sum, stat) => sum + (stat?.parent === pid ? stat.cpu : 0), 0)
    const own = await readStat(pid)
    // A child that has ended meanwhile would be counted twice: as a child, and as one that was waited for.
    if (before?.waited === own?.waited) return children + (own?.cpu ?? 0)
  }
}

/** Resident memory of a process in MB. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text()
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** How long a service may work on requests that are left in its queue, in milliseconds: the slowest has a thousand. */
const SETTLE_MS = 60_000

/** Waits until a process rests, so that what one load has left in its queues does not disturb the next measurement. */
export async function settle(pid: number): Promise<void> {
  const giveUp = performance.now() + SETTLE_MS
  while (performance.now() < giveUp) {
    const before = await cpuOf(pid)
    await Bun.sleep(200)
    if ((await cpuOf(pid)) - before <= 0.03) return
  }
}
