import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type Gate, userPlugin } from '../auth/user.ts'
import type { Work } from '../db/work.ts'
import { answers, writeLong } from '../http/answer.ts'
import { entityTag, ifMatch, isUnchanged, notModified } from '../http/conditional.ts'
import type { Once } from '../http/idempotency.ts'
import { documented } from '../http/openapi/documented.ts'
import { everywhere, repeatable } from '../http/problems.ts'
import { PageQuery, queryOf } from '../http/query.ts'
import { invalid } from '../problem.ts'
import { eraseUser } from '../resource/history.ts'
import { readRevision } from '../resource/rows.ts'
import { UserPath } from '../resource/schemas.ts'
import type { ListTasks } from './list.ts'
import { Task, TaskPath } from './model.ts'
import { pageHeaders } from './page.ts'
import { filtersOf } from './query.ts'
import { purgeTask, restoreTask } from './store.ts'

const EraseQuery = Type.Object({
  confirm: Type.String({
    minLength: 1,
    maxLength: 255,
    description: 'The user id once more.',
    examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'],
    error: 'must repeat the user id',
  }),
  account: Type.Optional(
    Type.Boolean({
      description: 'Whether the account goes too, where Doable has signed the user up.',
      error: 'must be true or false',
    }),
  ),
})

/** The trash: listing, restoring, purging. And the erasure of a user. */
export function trashRoutes(gate: Gate, work: Work, once: Once, listTasks: ListTasks) {
  return new Elysia({ prefix: '/api/:user_id', tags: ['trash'] })
    .use(userPlugin(gate))
    .get(
      '/trash',
      async ({ user, query, set, request }) => {
        if (request.headers.has('if-none-match')) {
          const revision = await work.read(user.id, readRevision)
          if (isUnchanged(request, revision)) return notModified(revision, set)
        }
        const order = { from: 'trash', sort: 'deleted_at', descending: true, filters: filtersOf({}) } as const
        const page = await listTasks(work, user.id, { ...query, ...order })
        Object.assign(set.headers, pageHeaders(request, page))
        return writeLong(page.tasks, set)
      },
      {
        ...queryOf(PageQuery),
        params: UserPath,
        response: answers(
          {
            200: Type.Array(Task, { description: 'The deleted tasks, last deleted first' }),
            304: Type.Void({ description: "Nothing of the user's has changed since that ETag" }),
          },
          ...everywhere,
        ),
        detail: documented({
          operationId: 'listTrash',
          summary: 'List the trash',
          responseHeaders: { 200: ['ETag', 'Link', 'X-Total-Count'], 304: ['ETag'] },
          requestHeaders: ['If-None-Match'],
        }),
      },
    )
    .post(
      '/tasks/:id/restore',
      ({ user, params, set, request }) =>
        once({ user, set, request }, '/tasks/:id/restore', null, async (db, owner) => {
          const task = await restoreTask(db, owner, params.id, ifMatch(request))
          return { status: 200, headers: { etag: entityTag(task.revision) }, body: task }
        }),
      {
        // Otherwise Elysia would read a body, and refuse it, before authentication.
        parse: 'none',
        params: TaskPath,
        response: answers({ 200: Task }, ...everywhere, 'task-not-found', 'revision-mismatch', ...repeatable),
        detail: documented({
          operationId: 'restoreTask',
          summary: 'Take a task out of the trash',
          responseHeaders: { 200: ['ETag', 'Idempotency-Replayed'] },
          requestHeaders: ['If-Match', 'Idempotency-Key'],
        }),
      },
    )
    .delete(
      '/trash/:id',
      async ({ user, params, set, request }) => {
        await work.write(user.id, purgeTask, params.id, ifMatch(request))
        set.status = 204
      },
      {
        params: TaskPath,
        response: answers(
          { 204: Type.Void({ description: 'Gone for good' }) },
          ...everywhere,
          'task-not-found',
          'revision-mismatch',
        ),
        detail: documented({
          operationId: 'purgeTask',
          summary: 'Delete a task in the trash for good',
          description: 'Nothing of its content is kept; a tombstone stays, so that other devices learn of it.',
          requestHeaders: ['If-Match'],
        }),
      },
    )
    .delete(
      '',
      async ({ user, query, set }) => {
        if (query.account) await gate.checkFresh?.(user)
        if (query.confirm !== user.id) throw invalid([{ pointer: '/confirm', detail: 'must repeat the user id' }])
        await work.write(user.id, eraseUser, { account: query.account ?? false })
        if (query.account) gate.tokens.end(user.id)
        set.status = 204
      },
      {
        ...queryOf(EraseQuery),
        params: UserPath,
        response: answers({ 204: Type.Void({ description: 'Nothing is left' }) }, ...everywhere, 'session-not-fresh'),
        detail: documented({
          operationId: 'eraseUser',
          summary: 'Erase everything of a user',
          description:
            'All tasks, the trash and the tombstones, at once and for good; with `account=true` the account and its sessions as well. That takes a token of a session that is less than a day old, else 403 `session-not-fresh`. No token that is limited by a scope may do it.',
        }),
      },
    )
}
