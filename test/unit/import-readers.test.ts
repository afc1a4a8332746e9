import { expect, test } from 'bun:test'
import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import fc from 'fast-check'
import { CsvReader } from '../../src/transfer/csv-reader.ts'
import { BadFile, type Reader } from '../../src/transfer/file.ts'
import { JsonReader } from '../../src/transfer/json-reader.ts'

/** What is read when the file comes in pieces of this many UTF-16 units. */
function readAll(reader: Reader, text: string, size: number): unknown[] {
  const values: unknown[] = []
  const readOn = () => {
    for (let entry = reader.next(); entry; entry = reader.next()) values.push(entry.value)
  }
  for (let at = 0; at < text.length; at += size) {
    reader.feed(text.slice(at, at + size))
    readOn()
  }
  reader.feed(undefined)
  readOn()
  return values
}

function faultOf(reader: Reader, text: string, size: number): string {
  try {
    readAll(reader, text, size)
  } catch (error) {
    if (error instanceof BadFile) return `${error.fault.place}: ${error.fault.detail}`
    throw error
  }
  return 'none'
}

const pieceSizes = [1, 2, 3, 7, 64, 100_000]

test('a JSON file is read as JSON.parse reads it, whatever its pieces', () => {
  const space = fc.constantFrom(undefined, 1, '\t', '\n')
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 5 })),
      space,
      fc.constantFrom(...pieceSizes),
      (value, indent, size) => {
        const text = JSON.stringify(value, null, indent)
        expect(readAll(new JsonReader(), text, size)).toEqual(JSON.parse(text))
      },
    ),
  )
})

test.each(pieceSizes)('where a JSON file is wrong does not hang on its pieces: %d units', (size) => {
  const wrong = {
    '': 'line 1, column 1: is not well-formed JSON',
    ' \n x': 'line 2, column 2: is not well-formed JSON',
    ' true': 'line 1, column 2: must be an array of tasks',
    '[': 'line 1, column 2: is not well-formed JSON',
    '[1,]': 'line 1, column 4: is not well-formed JSON',
    '[,1]': 'line 1, column 2: is not well-formed JSON',
    '[1 2]': 'line 1, column 4: is not well-formed JSON',
    '[1]\n]': 'line 2, column 1: is not well-formed JSON',
    '[}': 'line 1, column 2: is not well-formed JSON',
    '[{"a":1]]': 'line 1, column 8: is not well-formed JSON',
    '[{"a":\n  tru}]': 'line 2, column 3: is not well-formed JSON',
    '["a\nb"]': 'line 1, column 4: is not well-formed JSON',
    '[{"a":"\\"]': 'line 1, column 11: is not well-formed JSON',
    [`[${'['.repeat(40)}`]: 'line 1, column 2: is nested deeper than 32 levels',
    [`[1,\n"${'a'.repeat(270_000)}"]`]: 'line 2, column 1: is larger than 256 KiB',
    [`[[${'1,'.repeat(1001)}1]]`]: 'line 1, column 2: has more than 1000 values',
  }
  for (const [text, fault] of Object.entries(wrong)) expect(faultOf(new JsonReader(), text, size)).toBe(fault)
})

test('a table is read as csv-parse reads it, whatever its pieces', () => {
  const cell = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', "'", ' ', 'é', '😀') }),
    fc.constantFrom('', 'a', '\r\n', '""'),
  )
  const lineEnd = fc.constantFrom('\r\n', '\n', '\r')
  const rows = fc.array(fc.tuple(cell, cell), { minLength: 1 })
  fc.assert(
    fc.property(rows, lineEnd, fc.boolean(), fc.constantFrom(...pieceSizes), (records, end, quoted, size) => {
      const text = stringify([['title', 'description'], ...records], {
        record_delimiter: end,
        quoted,
        // It quotes the delimiter of records, of which either half alone ends a line for others.
        cast: { string: (value) => (/[\r\n]/.test(value) ? { value, quoted: true } : value) },
      })
      const expected: string[][] = parse(text, { record_delimiter: end, skip_empty_lines: true })
      const seen = readAll(new CsvReader(), text, size) as { title: string; description?: string }[]
      const plain = (value = '') => value.replace(/^'(?='*[=+\-@\t\r])/, '')
      expect(seen.map(({ title, description }) => [title, description ?? ''])).toEqual(
        expected.slice(1).map(([title, description]) => [plain(title), plain(description)]),
      )
    }),
  )
})

test.each(pieceSizes)('where a table is wrong does not hang on its pieces: %d units', (size) => {
  const wrong = {
    '': 'line 1: must name the column title',
    '\n\npriority\n': 'line 3: must name the column title',
    'title,\n': 'line 1, column 2: is not one of',
    'title,title\n': 'line 1, column 2: stands there twice',
    'title\r\n"a\r\nb"\r\nc,d': 'line 4: has another number of fields than the first line',
    'title\na"b\nc': 'line 2: a quote stands inside of an unquoted field',
    'title\n"a"b\nc': 'line 2: text follows a closing quote',
    'title\na\n"b\nc\n': 'line 3: a quote is never closed',
  }
  for (const [text, fault] of Object.entries(wrong)) expect(faultOf(new CsvReader(), text, size)).toStartWith(fault)
})

test('a line of more than 256 KiB is refused before its end has come', () => {
  for (const long of [',', 'a', '"'])
    expect(faultOf(new CsvReader(), `title\n${long.repeat(270_000)}`, 64 * 1024)).toBe('line 2: is larger than 256 KiB')
})

test('empty cells without quotes are left out, and a title is a text all the same', () => {
  const table = 'title,description,position,user_id\n,,,\n"","",1,x\n'
  expect(readAll(new CsvReader(), table, 100)).toEqual([{ title: '' }, { title: '', description: '', position: 1 }])
})
