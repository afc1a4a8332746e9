import { tasks } from '../db/schema.ts'
import { type AnswerOf, server } from '../resource/field.ts'
import { kinds } from '../resource/kind.ts'
import { defineResource } from '../resource/resource.ts'
import { nullable, Uuid } from '../resource/schemas.ts'
import { fields as fieldsOfTasks } from '../tasks/fields.ts'

/** What a file holds of a task: what clients see, and with what it went to the trash. */
export const fields = {
  ...fieldsOfTasks,
  trashed_with: server(kinds.uuid, nullable(Uuid('The list or the parent with which it went to the trash.')), {
    initial: null,
    isImported: true,
  }),
}

export type Task = AnswerOf<typeof fields>

export const task = defineResource(tasks, fields)
