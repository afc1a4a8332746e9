import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Tokens } from '../auth/token.ts'
import { userPlugin } from '../auth/user.ts'
import { jsonBody, optionalJsonBody, patchBody } from '../http/body.ts'
import { entityTag, ifMatch } from '../http/conditional.ts'
import { problems } from '../http/problems.ts'
import { Completion, changesIn, NewTask, storedForm, Task, TaskPatch, TaskPath, UserPath } from './model.ts'
import type { Store } from './store.ts'

/** The most tasks that one answer lists. */
const MAX_LIST = 1000

const everywhere = [
  'token-missing',
  'token-invalid',
  'token-expired',
  'wrong-user',
  'database-unavailable',
  'internal-error',
] as const
const forBodies = ['malformed-json', 'body-too-large', 'unsupported-media-type', 'validation-failed'] as const
const forOne = ['validation-failed', 'task-not-found'] as const

/** The six endpoints, and PATCH on a task. */
export function taskRoutes(tokens: Tokens, store: Store) {
  return new Elysia({ prefix: '/api/:user_id/tasks', tags: ['tasks'] })
    .use(userPlugin(tokens))
    .model({ Task, NewTask, TaskPatch, Completion })
    .get('', ({ user }) => store.list(user.id, MAX_LIST), {
      params: UserPath,
      response: { 200: Type.Array(Task, { description: 'The tasks, newest first' }), ...problems(...everywhere) },
      detail: { operationId: 'listTasks', summary: 'List tasks' },
    })
    .post(
      '',
      async ({ user, body, set, request }) => {
        const { title, ...rest } = storedForm(body)
        const task = await store.create(user.id, { ...rest, title: title ?? body.title, id: body.id })
        set.status = 201
        set.headers['location'] = locationOf(request, task.id)
        return tagged(task, set)
      },
      {
        ...jsonBody,
        params: UserPath,
        body: 'NewTask',
        response: { 201: 'Task', ...problems(...everywhere, ...forBodies, 'task-exists') },
        detail: {
          operationId: 'createTask',
          summary: 'Make a task',
          'x-headers': { 201: ['Location', 'ETag'] },
        },
      },
    )
    .get('/:id', async ({ user, params, set }) => tagged(await store.find(user.id, params.id), set), {
      params: TaskPath,
      response: { 200: 'Task', ...problems(...everywhere, ...forOne) },
      detail: { operationId: 'getTask', summary: 'Get a task', 'x-headers': { 200: ['ETag'] } },
    })
    .put(
      '/:id',
      async ({ user, params, body, set, request }) =>
        tagged(await store.update(user.id, params.id, changesIn(body), { revisions: ifMatch(request) }), set),
      {
        ...jsonBody,
        params: TaskPath,
        body: 'TaskPatch',
        response: { 200: 'Task', ...problems(...everywhere, ...forBodies, ...forOne, 'revision-mismatch') },
        detail: {
          operationId: 'updateTask',
          summary: 'Change a task',
          description: 'Changes the fields it is given and keeps the others.',
          'x-headers': { 200: ['ETag'] },
        },
      },
    )
    .patch(
      '/:id',
      async ({ user, params, body, set, request }) =>
        tagged(await store.update(user.id, params.id, changesIn(body), { revisions: ifMatch(request) }), set),
      {
        ...patchBody,
        params: TaskPath,
        body: 'TaskPatch',
        response: { 200: 'Task', ...problems(...everywhere, ...forBodies, ...forOne, 'revision-mismatch') },
        detail: {
          operationId: 'patchTask',
          summary: 'Change a task by a merge patch',
          description: 'JSON merge patch (RFC 7396), under the rules of PUT.',
          'x-media-types': ['application/merge-patch+json'],
          'x-headers': { 200: ['ETag'] },
        },
      },
    )
    .delete(
      '/:id',
      async ({ user, params, set, request }) => {
        await store.remove(user.id, params.id, { revisions: ifMatch(request) })
        set.status = 204
      },
      {
        params: TaskPath,
        response: {
          204: Type.Void({ description: 'Moved to the trash' }),
          ...problems(...everywhere, ...forOne, 'revision-mismatch'),
        },
        detail: { operationId: 'deleteTask', summary: 'Move a task to the trash' },
      },
    )
    .patch(
      '/:id/complete',
      async ({ user, params, body, set, request }) =>
        tagged(await store.complete(user.id, params.id, body.completed, { revisions: ifMatch(request) }), set),
      {
        ...optionalJsonBody,
        params: TaskPath,
        body: 'Completion',
        response: { 200: 'Task', ...problems(...everywhere, ...forBodies, ...forOne, 'revision-mismatch') },
        detail: {
          operationId: 'completeTask',
          summary: 'Complete a task, or turn it over',
          description: 'Without a body, or with `{}`, what is open becomes completed and the other way round.',
          'x-optional-body': true,
          'x-headers': { 200: ['ETag'] },
        },
      },
    )
}

/** A task with its entity tag. */
function tagged(task: Task, set: { headers: Record<string, string | number> }): Task {
  set.headers['etag'] = entityTag(task.revision)
  return task
}

/** The new task's own address, below the one that it was posted to (RFC 9110, 10.2.2). */
function locationOf(request: Request, id: string): string {
  return `${new URL(request.url).pathname.replace(/\/$/, '')}/${id}`
}
