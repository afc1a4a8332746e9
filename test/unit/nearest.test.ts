import { expect, test } from 'bun:test'
import { nearest } from '../../src/http/nearest.ts'

const names = ['title', 'description', 'completed', 'priority', 'due_date', 'tags', 'position', 'status', 'due_after']

test.each([
  ['dueDate', 'due_date'],
  ['DUE-DATE', 'due_date'],
  ['Title', 'title'],
  ['statu', 'status'],
  ['stauts', 'status'],
  ['tag', 'tags'],
  ['complete', 'completed'],
  ['prioritty', 'priority'],
  ['desc', 'description'],
])('%s is meant to be %s', (given, meant) => {
  expect(nearest(given, names)).toBe(meant)
})

test.each(['colour', 'due', '', 'x', 'id', '🍞', '__proto__', 'constructor', 'title'.repeat(20)])(
  '%p is near to nothing',
  (given) => {
    expect(nearest(given, names)).toBeUndefined()
  },
)
