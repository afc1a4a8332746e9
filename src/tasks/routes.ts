import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type Gate, userPlugin } from '../auth/user.ts'
import type { Work } from '../db/work.ts'
import { answers, locationOf, tagged, writeLong } from '../http/answer.ts'
import { jsonBody, optionalJsonBody, patchBody } from '../http/body.ts'
import { entityTag, ifMatch, isUnchanged, notModified } from '../http/conditional.ts'
import type { Once } from '../http/idempotency.ts'
import { documented } from '../http/openapi/documented.ts'
import { everywhere, repeatable, withBody } from '../http/problems.ts'
import { queryOf } from '../http/query.ts'
import { readRevision } from '../resource/rows.ts'
import { UserPath } from '../resource/schemas.ts'
import type { ListTasks } from './list.ts'
import { Completion, changesIn, NewTask, newTaskFrom, Task, TaskPatch, TaskPath } from './model.ts'
import { pageHeaders, sortOf } from './page.ts'
import { DELETE_SPELLINGS, DeleteQuery, filtersOf, SPELLINGS, TaskQuery } from './query.ts'
import { removeAllCompleted } from './remove-completed.ts'
import { completeTask, createTask, findTask, removeTask, updateTask } from './store.ts'

const ofOne = [...everywhere, 'task-not-found'] as const
const writesOne = [...withBody, 'task-not-found', 'revision-mismatch', 'quota-exceeded'] as const
const oneTask = answers({ 200: Task }, ...writesOne)
const withTag: { 200: ['ETag'] } = { 200: ['ETag'] }

const Deleted = Type.Object(
  { deleted: Type.Integer({ format: 'int32', minimum: 0, examples: [3] }) },
  { $id: 'Deleted', description: 'How many were moved to the trash' },
)

/** The six endpoints, PATCH on a task, and the removal of what is completed. */
export function taskRoutes(gate: Gate, work: Work, once: Once, listTasks: ListTasks) {
  return new Elysia({ prefix: '/api/:user_id/tasks', tags: ['tasks'] })
    .use(userPlugin(gate))
    .get(
      '',
      async ({ user, query, set, request }) => {
        if (request.headers.has('if-none-match')) {
          const revision = await work.read(user.id, readRevision)
          if (isUnchanged(request, revision)) return notModified(revision, set)
        }
        const page = await listTasks(work, user.id, {
          ...query,
          from: 'hand',
          ...sortOf(query.sort),
          filters: filtersOf(query),
        })
        Object.assign(set.headers, pageHeaders(request, page))
        return writeLong(page.tasks, set)
      },
      {
        ...queryOf(TaskQuery, SPELLINGS),
        params: UserPath,
        response: answers(
          {
            200: Type.Array(Task, { description: 'The tasks, newest first unless `sort` says otherwise' }),
            304: Type.Void({ description: "Nothing of the user's has changed since that ETag" }),
          },
          ...everywhere,
        ),
        detail: documented({
          operationId: 'listTasks',
          summary: 'List tasks',
          description:
            'A page of the tasks, of at most `limit` and about 1 MiB. While there are more, `Link` carries the address of the next page; a list asked for without `limit` then has `X-Total-Count`, too. A search ends after about 2 s with what it has found, perhaps nothing: `X-Partial` says so, and `Link` goes on from there. Other spellings that are understood: `search` and `search_query` for `q`; `sort_by` with `sort_order` (`asc`, `desc`) for `sort`; `status_filter`, `priority_filter` and `tags_filter` (separated by commas) for `status`, `priority` and `tag`; `due_date_from` and `due_date_to` for `due_after` and `due_before`; `skip=0`, `offset=0` and `page=1` for the first page.',
          responseHeaders: { 200: ['ETag', 'Link', 'X-Total-Count', 'X-Partial'], 304: ['ETag'] },
          requestHeaders: ['If-None-Match'],
        }),
      },
    )
    .post(
      '',
      ({ user, body, set, request }) =>
        once({ user, set, request }, '/tasks', body, async (db, owner) => {
          const task = await createTask(db, owner, newTaskFrom(body))
          const headers = { location: locationOf(request, task.id), etag: entityTag(task.revision) }
          return { status: 201, headers, body: task }
        }),
      {
        ...jsonBody,
        params: UserPath,
        body: NewTask,
        response: answers({ 201: Task }, ...withBody, 'task-exists', 'quota-exceeded', ...repeatable),
        detail: documented({
          operationId: 'createTask',
          summary: 'Make a task',
          responseHeaders: { 201: ['Location', 'ETag', 'Idempotency-Replayed'] },
          requestHeaders: ['Idempotency-Key'],
        }),
      },
    )
    .delete(
      '',
      async ({ user, request, server }) => ({
        deleted: await removeAllCompleted(work, user.id, () => server?.timeout(request, QUIET_S)),
      }),
      {
        ...queryOf(DeleteQuery, DELETE_SPELLINGS),
        params: UserPath,
        response: answers({ 200: Deleted }, ...everywhere),
        detail: documented({ operationId: 'deleteCompletedTasks', summary: 'Move all completed tasks to the trash' }),
      },
    )
    .get(
      '/:id',
      async ({ user, params, set, request }) => {
        const task = await work.read(user.id, findTask, params.id)
        return isUnchanged(request, task.revision) ? notModified(task.revision, set) : tagged(task, set)
      },
      {
        params: TaskPath,
        response: answers(
          { 200: Task, 304: Type.Void({ description: 'The task has not changed since that ETag' }) },
          ...ofOne,
        ),
        detail: documented({
          operationId: 'getTask',
          summary: 'Get a task',
          responseHeaders: { 200: ['ETag'], 304: ['ETag'] },
          requestHeaders: ['If-None-Match'],
        }),
      },
    )
    .put(
      '/:id',
      async ({ user, params, body, set, request }) =>
        tagged(await work.write(user.id, updateTask, params.id, changesIn(body), ifMatch(request)), set),
      {
        ...jsonBody,
        params: TaskPath,
        body: TaskPatch,
        response: oneTask,
        detail: documented({
          operationId: 'updateTask',
          summary: 'Change a task',
          description: 'Changes the fields it is given and keeps the others.',
          requestHeaders: ['If-Match'],
          responseHeaders: withTag,
        }),
      },
    )
    .patch(
      '/:id',
      async ({ user, params, body, set, request }) =>
        tagged(await work.write(user.id, updateTask, params.id, changesIn(body), ifMatch(request)), set),
      {
        ...patchBody,
        params: TaskPath,
        body: TaskPatch,
        response: oneTask,
        detail: documented({
          operationId: 'patchTask',
          summary: 'Change a task by a merge patch',
          description: 'JSON merge patch (RFC 7396), under the rules of PUT.',
          mediaTypes: ['application/merge-patch+json'],
          requestHeaders: ['If-Match'],
          responseHeaders: withTag,
        }),
      },
    )
    .delete(
      '/:id',
      async ({ user, params, set, request }) => {
        await work.write(user.id, removeTask, params.id, ifMatch(request))
        set.status = 204
      },
      {
        params: TaskPath,
        response: answers({ 204: Type.Void({ description: 'Moved to the trash' }) }, ...ofOne, 'revision-mismatch'),
        detail: documented({
          operationId: 'deleteTask',
          summary: 'Move a task to the trash',
          requestHeaders: ['If-Match'],
        }),
      },
    )
    .patch(
      '/:id/complete',
      async ({ user, params, body, set, request }) =>
        tagged(await work.write(user.id, completeTask, params.id, body.completed, ifMatch(request)), set),
      {
        ...optionalJsonBody,
        params: TaskPath,
        body: Completion,
        response: oneTask,
        detail: documented({
          operationId: 'completeTask',
          summary: 'Complete a task, or turn it over',
          description:
            'Without a body, or with `{}` or `null`, what is open becomes completed and the other way round.',
          optionalBody: true,
          requestHeaders: ['If-Match'],
          responseHeaders: withTag,
        }),
      },
    )
}

/** Bun cuts a connection on which nothing was sent for this long, in seconds; after each piece that time begins anew. */
const QUIET_S = 30
