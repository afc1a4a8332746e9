import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { newPlace, type Place, type Served } from '../kit/program.ts'
import { attack, startVictim } from './attack.ts'
import type { AttackName } from './attack-files.ts'

setDefaultTimeout(120_000)

const MIB = 1024 * 1024

/** Above rest, in MB. */
const MAX_GROWTH = 100

/** `attack.ts` prints how long it really is; here other tests take the processor too. */
const MAX_HEALTH_MS = 500

/** The last ones are as large as a busy machine can take in within seconds; `attack.ts` sends 64 MiB of each. */
const expected: [AttackName, mebibytes: number, status: number][] = [
  ['nothing but [', 64, 422],
  ['nothing but {', 64, 422],
  ['CSV of commas', 64, 422],
  ['CSV of quotes', 64, 422],
  ['CSV of empty lines', 64, 200],
  ['one entry', 64, 422],
  ['one field of arrays', 64, 422],
  ['30,000 levels', 64, 422],
  ['a cell of 30,000 levels', 64, 422],
  ['spaces', 64, 200],
  ['spaces', 65, 413],
  ['250,000 tasks but the last', 64, 422],
  ['ignored fields as large as allowed', 16, 200],
  ['descriptions of noise', 4, 200],
  ['250,000 tasks', 2, 200],
]

// The peak of a process's memory is told by /proc alone.
describe.if(process.platform === 'linux').each(databases)('the worst files, over the %s database', (kind) => {
  let place: Place
  let served: Served
  beforeAll(async () => {
    place = await newPlace()
    served = await startVictim(place, kind)
  })
  afterAll(() => place[Symbol.asyncDispose]())

  test.each(expected)(
    '%s, %d MiB: answered with %d, in little memory, while others are served',
    async (name, mebibytes, status) => {
      const damage = await attack(served, name, mebibytes * MIB)
      expect(`${damage.status} ${damage.text}`).toStartWith(`${status} `)
      expect(damage.growth).toBeLessThan(MAX_GROWTH)
      expect(damage.health.max).toBeLessThan(MAX_HEALTH_MS)
    },
  )
})
