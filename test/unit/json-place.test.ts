import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { findFault, lineAndColumn } from '../../src/http/json-place.ts'

test.each([
  ['', 'line 1, column 1'],
  ['{"a": 1,}', 'line 1, column 9'],
  ['{"a": 1\n "b": 2}', 'line 2, column 2'],
  ['{\n  "a": nope\n}', 'line 2, column 8'],
  ['["a\nb"]', 'line 1, column 4'],
  ['["\\x"]', 'line 1, column 3'],
  ['["a', 'line 1, column 4'],
  ['[1, 02]', 'line 1, column 6'],
  ['{a: 1}', 'line 1, column 2'],
  ['[1}', 'line 1, column 3'],
  ['{} {}', 'line 1, column 4'],
  ['[]]', 'line 1, column 3'],
])('%j is wrong at %s', (text, place) => {
  expect(lineAndColumn(text, findFault(text))).toBe(place)
})

test('a text has a fault exactly where JSON.parse refuses it', () => {
  const isJson = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  const parts = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"\\n"',
    '"\\u00e9"',
    '"\\',
    '1',
    '-0.5e+3',
    '01',
    'true',
    'nul',
    ' ',
    '\n',
    '\t',
    '\f',
    "'",
  )
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.nat(3), fc.string({ maxLength: 2 }))
    .map(
      ([text, at, cut, put]) =>
        text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + cut),
    )
  const texts = fc.oneof(
    fc.json(),
    damaged,
    fc.array(parts, { maxLength: 9 }).map((list) => list.join('')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const fault = findFault(text)
      expect(fault === -1).toBe(isJson(text))
      expect(fault).toBeWithin(-1, text.length + 1)
    }),
    { numRuns: 5000 },
  )
})

test('a body of nothing but brackets is looked through at once', () => {
  const start = performance.now()
  expect(findFault('['.repeat(2 ** 20))).toBe(2 ** 20)
  expect(findFault(`"${'\\n'.repeat(2 ** 19)}`)).toBe(2 ** 20 + 1)
  expect(performance.now() - start).toBeLessThan(2000)
})
