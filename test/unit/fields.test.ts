import { expect, test } from 'bun:test'
import type { TSchema } from '@sinclair/typebox'
import { fields as ofLists } from '../../src/lists/fields.ts'
import type { Fields } from '../../src/resource/field.ts'
import { fields as ofTasks } from '../../src/tasks/fields.ts'

/** Whether a value of this schema can be words that somebody has made up. */
function takesWords(schema: TSchema): boolean {
  const options: TSchema[] | undefined = schema['anyOf']
  if (options) return options.some(takesWords)
  return (
    schema['const'] === undefined &&
    schema['format'] !== 'uuid' &&
    ['string', 'array', 'object'].includes(String(schema['type']))
  )
}

const all: [resource: string, fields: Fields, wordy: string][] = [
  ['a task', ofTasks, 'title'],
  ['a list', ofLists, 'name'],
]

test.each(all)(
  'whatever words a client can write of %s are content: a purge empties them and the quota counts them',
  (_, fields, known) => {
    const written = Object.entries(fields).filter(([, { by }]) => by === 'client')
    const wordy = written.filter(([, { schema }]) => takesWords(schema)).map(([name]) => name)
    const content = written.filter(([, { kind }]) => kind.isContent).map(([name]) => name)
    expect(wordy).toContain(known)
    expect<string[]>(content).toEqual(wordy)
  },
)
