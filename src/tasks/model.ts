import { Type } from '@sinclair/typebox'
import { answerSchema, changesFrom, clientSchemas, ignoredSchemas, storedFormOf } from '../resource/field.ts'
import { nullable, UserPath, Uuid } from '../resource/schemas.ts'
import { type Changes, Completed, fields, type Task as TaskFields } from './fields.ts'

/** A task as clients see it: the columns of a row, under their own names. */
export type Task = TaskFields
export const Task = answerSchema(fields, { $id: 'Task', description: 'A task' })

const writable = clientSchemas(fields)

export const NewTask = Type.Object(
  {
    ...ignoredSchemas(fields),
    id: Type.Optional(Uuid('Chosen by the client, if it likes: the server makes a version 7 otherwise.')),
    ...writable,
    title: fields.title.schema,
  },
  {
    $id: 'TaskCreate',
    additionalProperties: false,
    description: 'A task to be made',
    examples: [
      {
        title: 'Buy milk',
        description: 'Two litres, oat',
        priority: 'high',
        due_date: '2026-11-24',
        tags: ['home', 'errands'],
      },
    ],
    error: 'must be an object',
  },
)

export const TaskPatch = Type.Object(
  {
    ...ignoredSchemas(fields),
    ...writable,
    // Java's default generator writes `tags: []` into every update, unless they may be null.
    tags: Type.Optional(nullable(fields.tags.schema)),
  },
  {
    $id: 'TaskUpdate',
    additionalProperties: false,
    // For the document: `changesIn` checks that one of them can be changed.
    minProperties: 1,
    description:
      'The fields to change, at least one; the others stay. `null` clears a field that may be null; of `tags` none are left.',
    examples: [{ title: 'Buy oat milk', due_date: null }],
    error: 'must be an object',
  },
)

export const Completion = Type.Object(
  { completed: Type.Optional(Completed) },
  {
    $id: 'TaskCompletion',
    additionalProperties: false,
    description: '`completed` sets, and is safe to repeat. Without it, or without a body, the task is toggled.',
    examples: [{ completed: true }],
    error: 'must be an object',
  },
)

export const TaskPath = Type.Object({ ...UserPath.properties, id: Uuid('The task.') })

/** The fields of an update that can be changed. */
export type TaskPatch = Omit<Changes, 'tags'> & { tags?: string[] | null | undefined }

/** A task to be made, in the form in which it is stored. */
export type NewTask = Changes & { id?: string | undefined; title: string }

/** Trims, and puts dates into their stored form. The body must have passed its schema. */
const storedForm = storedFormOf(fields)

/** The task to make, from a body that has passed `NewTask`. */
export function newTaskFrom(body: NewTask): NewTask {
  const stored = storedForm(body)
  return { ...stored, title: stored.title ?? body.title, id: body.id }
}

/** The changes of an update. @throws Problem `validation-failed` when no writable field is among them. */
export const changesIn = ({ tags, ...others }: TaskPatch, pointer = ''): Changes =>
  changesOf({ ...others, tags: tags === null ? [] : tags }, pointer)

const changesOf = changesFrom(storedForm)
