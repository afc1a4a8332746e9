import { Type } from '@sinclair/typebox'
import type { Db } from '../db/database.ts'
import type { Owner, Work } from '../db/work.ts'
import type { Repeat } from '../http/idempotency.ts'
import { clientSchemas } from '../resource/field.ts'
import { MAX_REVISION, Uuid } from '../resource/schemas.ts'
import { Completed, fields } from '../tasks/fields.ts'
import { changesIn, newTaskFrom, type Task } from '../tasks/model.ts'
import { completeTask, createTask, removeTask, restoreTask, updateTask } from '../tasks/store.ts'
import { omit } from './schema.ts'
import { defineTool, type Tool } from './tool.ts'
import { outputOf, success, TaskView, type ToolResult, viewOf } from './view.ts'

/** What a model writes of a task. Completing has a tool of its own; no model orders a list by numbers. */
const writable = omit(Type.Object(clientSchemas(fields)), 'completed', 'position')

const onTask = {
  task_id: Uuid('The id of the task, from list_tasks or search_tasks.'),
  if_revision: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_REVISION,
      description:
        'The revision of the task as you have read it: refused with revision-mismatch if it has changed since.',
      error: `must be a whole number from 0 to ${MAX_REVISION}`,
    }),
  ),
}

const NewTaskInput = Type.Object({
  ...writable,
  title: fields.title.schema,
  idempotency_key: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[ -~]*$',
      description:
        'Anything unique to this call, such as a UUID. Send the same again when you do not know whether the call arrived: within 24 hours no second task is made.',
      error: 'must be 1 to 255 printable ASCII characters',
    }),
  ),
})

const oneTask = outputOf({ task: TaskView }, ['task'])
const DATES =
  'A due_date is a day (2026-11-24), where the user names no time, or a time with an offset (2026-11-24T18:30:00+01:00).'

const shown = (task: Task): ToolResult => success({ task: viewOf(task, { whole: true }) })
const given = (revision: number | undefined) => ({ revisions: revision === undefined ? undefined : [revision] })

/** The tools that change tasks. Nothing that they take away is gone before the trash is emptied. */
export function writingTools(work: Work, repeat: Repeat): Tool[] {
  const scope = 'tasks:write'
  return [
    defineTool({
      scope,
      name: 'add_task',
      title: 'Add a task',
      description: `Makes a new task. Use it when the user wants to remember or plan something; look with search_tasks first where it may be there already. ${DATES}`,
      isDestructive: false,
      isIdempotent: false,
      input: NewTaskInput,
      output: oneTask,
      async run(user, { idempotency_key: key, ...body }) {
        const make = (db: Db, owner: Owner) => createTask(db, owner, newTaskFrom(body))
        if (key === undefined) return shown(await work.write(user, make))
        const outcome = await repeat(user, { method: 'POST', route: 'add_task', key }, body, async (db, owner) => ({
          status: 201,
          body: shown(await make(db, owner)).structuredContent,
        }))
        const { notice: _, ...values } = outcome.kept ? JSON.parse(outcome.kept.body) : outcome.made.body
        return { ...success(values), ...(outcome.kept && { _meta: { idempotency_replayed: true } }) }
      },
    }),
    defineTool({
      scope,
      name: 'complete_task',
      title: 'Complete a task',
      description:
        'Marks a task as done, or, with completed=false, as open again. Use it when the user says that something is done. Safe to repeat. Of a task with a recurrence it makes the next one, whose id is next_task_id.',
      isDestructive: false,
      isIdempotent: true,
      input: Type.Object({
        ...onTask,
        completed: Type.Optional({ ...Completed, default: true, description: 'false opens the task again.' }),
      }),
      output: oneTask,
      run: async (user, { task_id, completed = true, if_revision }) =>
        shown(await work.write(user, completeTask, task_id, completed, given(if_revision))),
    }),
    defineTool({
      scope,
      name: 'update_task',
      title: 'Change a task',
      description: `Changes the fields that are given and keeps the others; null clears a field that may be null. What was there before is lost, so send if_revision where you have read the task. ${DATES}`,
      isDestructive: true,
      isIdempotent: true,
      input: Type.Object({ ...onTask, ...writable }),
      output: oneTask,
      run: async (user, { task_id, if_revision, ...body }) =>
        shown(await work.write(user, updateTask, task_id, changesIn(body), given(if_revision))),
    }),
    defineTool({
      scope,
      name: 'delete_task',
      title: 'Delete a task',
      description:
        'Moves a task to the trash, from where restore_task brings it back for some weeks. Use it when the user wants a task gone; for what is done use complete_task. The parts of a task go and come back with it; one with a recurrence does not come again.',
      isDestructive: true,
      isIdempotent: true,
      input: Type.Object(onTask),
      output: oneTask,
      run: async (user, { task_id, if_revision }) =>
        shown(await work.write(user, removeTask, task_id, given(if_revision))),
    }),
    defineTool({
      scope,
      name: 'restore_task',
      title: 'Restore a task',
      description:
        'Takes a deleted task out of the trash, as it was. Use it when a deletion was a mistake; list_tasks with status=deleted shows what can be restored.',
      isDestructive: false,
      isIdempotent: true,
      input: Type.Object(onTask),
      output: oneTask,
      run: async (user, { task_id, if_revision }) =>
        shown(await work.write(user, restoreTask, task_id, given(if_revision))),
    }),
  ]
}
