import type { TSchema } from '@sinclair/typebox'
import { fields as listFields } from '../src/lists/fields.ts'
import { counted } from '../src/lists/model.ts'
import { entriesBy, type Field } from '../src/resource/field.ts'
import { fields } from '../src/tasks/fields.ts'

const folder = `${import.meta.dir}/../src/client`

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
 * The client's types of tasks and lists, out of the tables of their fields: the client is built without
 * anything of the server, so they are written out.
 */
const files: Record<string, string> = {
  'task.ts': `// Written by \`bun run client-types\` from src/tasks/fields.ts.

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
`,
  'list.ts': `// Written by \`bun run client-types\` from src/lists/fields.ts.

export interface List {
${members(Object.entries(listFields), false)}}

/** A list as it is read, with the numbers of its tasks. */
export interface CountedList extends List {
${members(
  Object.entries(counted).filter(([name]) => !(name in listFields)),
  false,
)}}

/** What can be written of a list. */
export interface ListFields {
${members(entriesBy(listFields, 'client'), true)}}

export interface NewList extends ListFields {
  /** Chosen by the client, if it likes. */
  id?: string
  name: string
}
`,
}

for (const [name, text] of Object.entries(files)) {
  const path = `${folder}/${name}`
  if (!process.argv.includes('--check')) await Bun.write(path, text)
  else if (!(await Bun.file(path).exists()) || (await Bun.file(path).text()) !== text) {
    process.stderr.write(`src/client/${name}: is not what the fields say: run \`bun run client-types\`\n`)
    process.exit(1)
  }
}
