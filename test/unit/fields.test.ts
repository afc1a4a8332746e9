import { expect, test } from 'bun:test'
import type { TSchema } from '@sinclair/typebox'
import { entriesBy } from '../../src/resource/field.ts'
import { fields } from '../../src/tasks/fields.ts'

/** Whether a value of this schema can be words that somebody has made up. */
function takesWords(schema: TSchema): boolean {
  const options: TSchema[] | undefined = schema['anyOf']
  if (options) return options.some(takesWords)
  return schema['const'] === undefined && ['string', 'array', 'object'].includes(String(schema['type']))
}

test('whatever words a client can write are content, so that a purge empties them and the quota counts them', () => {
  const written = entriesBy(fields, 'client')
  const wordy = written.filter(([, { schema }]) => takesWords(schema)).map(([name]) => name)
  const content = written.filter(([, { kind }]) => kind.isContent).map(([name]) => name)
  expect(wordy).toContain('title')
  expect<string[]>(content).toEqual(wordy)
})
