import { expect, test } from 'bun:test'
import type { Sample } from '../../bench/closed.ts'
import { describe } from '../../bench/growth-report.ts'
import { LOADS } from '../../bench/loads.ts'

const figures = { rate: 1000, p50: 5, p99: 50, failed: 0, timeouts: 0, cpu: 0.1, databaseCpu: 0.1, memory: 120 }
const sampleOf = (load: Sample['load']): Sample => ({ contender: 'Doable', load, connections: 32, ...figures })

test('a report of growth has a column for each way, and says whether a list has become too dear', () => {
  const samples = LOADS.map((load) => sampleOf(load))
  const dear = samples.map((sample) => ({ ...sample, databaseCpu: 0.18 }))
  const text = describe(
    [
      { label: '10 tasks', size: 10, samples },
      { label: 'PgBouncer', size: undefined, samples },
      { label: '1,000 tasks', size: 1000, samples: dear },
    ],
    '1.24.1',
  )
  expect(text).toContain('| load | 10 tasks | PgBouncer | 1,000 tasks |')
  expect(text).toContain('| list | 1.40 | at most 1.3: missed by 8 % |')
  expect(text).toContain('| mix | 1.40 | none |')
  expect(text).not.toContain('NaN')
})
