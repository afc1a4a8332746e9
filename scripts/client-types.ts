import type { TSchema } from '@sinclair/typebox'
import { entriesBy, type Field } from '../src/resource/field.ts'
import { fields } from '../src/tasks/fields.ts'

const file = `${import.meta.dir}/../src/client/task.ts`

/** The type of a value in TypeScript, for the few forms of JSON Schema that fields have. */
function typeOf(schema: TSchema): string {
  const options: TSchema[] | undefined = schema['anyOf']
  if (options) return [...new Set(options.map(typeOf))].join(' | ')
  if (schema['const'] !== undefined) return `'${schema['const']}'`
  if (schema['type'] === 'array') return 'string[]'
  const type = { string: 'string', number: 'number', integer: 'number', boolean: 'boolean', null: 'null' }[
    String(schema['type'])
  ]
  if (type === undefined) throw new Error(`no type for ${JSON.stringify(schema)}`)
  return type
}

function members(all: [string, Pick<Field, 'schema'>][], optional: boolean): string {
  return all
    .map(([name, { schema }]) => {
      const options: TSchema[] = schema['anyOf'] ?? []
      const description = schema.description ?? options.find((option) => option.description)?.description
      const comment = description === undefined ? '' : `  /** ${description} */\n`
      return `${comment}  ${name}${optional ? '?' : ''}: ${typeOf(schema)}\n`
    })
    .join('')
}

/**
 * The client's types of a task, out of the one table of its fields: the client is built without
 * anything of the server, so they are written out.
 */
export function printClientTypes(): string {
  return `// Written by \`bun run client-types\` from src/tasks/fields.ts.

export interface Task {
${members(Object.entries(fields), false)}}

/** What can be written of a task. */
export interface TaskFields {
${members(entriesBy(fields, 'client'), true)}}

export type Priority = Task['priority']

export interface NewTask extends TaskFields {
  /** Chosen by the client, if it likes. */
  id?: string
  title: string
}
`
}

if (import.meta.main) {
  const text = printClientTypes()
  if (process.argv.includes('--check')) {
    if ((await Bun.file(file).text()) !== text) {
      process.stderr.write('src/client/task.ts: is not what the fields say: run `bun run client-types`\n')
      process.exit(1)
    }
  } else await Bun.write(file, text)
}
