import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type Gate, userPlugin } from '../auth/user.ts'
import type { Work } from '../db/work.ts'
import { answers, locationOf, tagged, writeLong } from '../http/answer.ts'
import { jsonBody, patchBody } from '../http/body.ts'
import { entityTag, ifMatch, isUnchanged, notModified } from '../http/conditional.ts'
import type { Once } from '../http/idempotency.ts'
import { documented } from '../http/openapi/documented.ts'
import { everywhere, repeatable, withBody } from '../http/problems.ts'
import { queryOf } from '../http/query.ts'
import { readRevision } from '../resource/rows.ts'
import { UserPath } from '../resource/schemas.ts'
import {
  CountedList,
  changesIn,
  List,
  ListPatch,
  ListPath,
  ListsQuery,
  NewList,
  newListFrom,
  RemovalQuery,
} from './model.ts'
import { findList, readLists } from './read.ts'
import { createList, purgeList, removeList, restoreList, updateList } from './store.ts'

const writesOne = [...withBody, 'list-not-found', 'revision-mismatch', 'quota-exceeded'] as const
const oneList = answers({ 200: List }, ...writesOne)
const withTag: { 200: ['ETag'] } = { 200: ['ETag'] }

/** Lists: reading, writing, trash. */
export function listRoutes(gate: Gate, work: Work, once: Once) {
  return new Elysia({ prefix: '/api/:user_id/lists', tags: ['lists'] })
    .use(userPlugin(gate))
    .get(
      '',
      async ({ user, query, set, request }) => {
        if (request.headers.has('if-none-match')) {
          const revision = await work.read(user.id, readRevision)
          if (isUnchanged(request, revision)) return notModified(revision, set)
        }
        const { lists, revision } = await work.scan(user.id, readLists, query.deleted ? 'trash' : 'hand')
        set.headers['etag'] = entityTag(revision)
        return writeLong(lists, set)
      },
      {
        ...queryOf(ListsQuery),
        params: UserPath,
        response: answers(
          {
            200: Type.Array(CountedList, { description: 'All lists, by position' }),
            304: Type.Void({ description: "Nothing of the user's has changed since that ETag" }),
          },
          ...everywhere,
        ),
        detail: documented({
          operationId: 'listLists',
          summary: 'List the lists',
          description: 'All of them: a user has at most 500. Of those in the trash, the 500 that were deleted last.',
          responseHeaders: { 200: ['ETag'], 304: ['ETag'] },
          requestHeaders: ['If-None-Match'],
        }),
      },
    )
    .post(
      '',
      ({ user, body, set, request }) =>
        once({ user, set, request }, '/lists', body, async (db, owner) => {
          const list = await createList(db, owner, newListFrom(body))
          const headers = { location: locationOf(request, list.id), etag: entityTag(list.revision) }
          return { status: 201, headers, body: list }
        }),
      {
        ...jsonBody,
        params: UserPath,
        body: NewList,
        response: answers({ 201: List }, ...withBody, 'list-exists', 'too-many-lists', 'quota-exceeded', ...repeatable),
        detail: documented({
          operationId: 'createList',
          summary: 'Make a list',
          responseHeaders: { 201: ['Location', 'ETag', 'Idempotency-Replayed'] },
          requestHeaders: ['Idempotency-Key'],
        }),
      },
    )
    .get('/:id', async ({ user, params, set }) => tagged(await work.scan(user.id, findList, params.id), set), {
      params: ListPath,
      response: answers({ 200: CountedList }, ...everywhere, 'list-not-found'),
      detail: documented({
        operationId: 'getList',
        summary: 'Get a list',
        description:
          'Its `ETag` is for `If-Match`: it is that of the list, and does not tell whether its numbers have changed.',
        responseHeaders: withTag,
      }),
    })
    .put(
      '/:id',
      async ({ user, params, body, set, request }) =>
        tagged(await work.write(user.id, updateList, params.id, changesIn(body), ifMatch(request)), set),
      {
        ...jsonBody,
        params: ListPath,
        body: ListPatch,
        response: oneList,
        detail: documented({
          operationId: 'updateList',
          summary: 'Change a list',
          description: 'Changes the fields it is given and keeps the others.',
          requestHeaders: ['If-Match'],
          responseHeaders: withTag,
        }),
      },
    )
    .patch(
      '/:id',
      async ({ user, params, body, set, request }) =>
        tagged(await work.write(user.id, updateList, params.id, changesIn(body), ifMatch(request)), set),
      {
        ...patchBody,
        params: ListPath,
        body: ListPatch,
        response: oneList,
        detail: documented({
          operationId: 'patchList',
          summary: 'Change a list by a merge patch',
          description: 'JSON merge patch (RFC 7396), under the rules of PUT.',
          mediaTypes: ['application/merge-patch+json'],
          requestHeaders: ['If-Match'],
          responseHeaders: withTag,
        }),
      },
    )
    .delete(
      '/:id',
      async ({ user, params, query, set, request }) => {
        await work.write(user.id, query.deleted ? purgeList : removeList, params.id, ifMatch(request))
        set.status = 204
      },
      {
        ...queryOf(RemovalQuery),
        params: ListPath,
        response: answers(
          { 204: Type.Void({ description: 'Moved to the trash, or gone for good' }) },
          ...everywhere,
          'list-not-found',
          'revision-mismatch',
        ),
        detail: documented({
          operationId: 'deleteList',
          summary: 'Move a list and its tasks to the trash',
          description: 'With `deleted=true` a list that is in the trash is deleted for good.',
          requestHeaders: ['If-Match'],
        }),
      },
    )
    .post(
      '/:id/restore',
      ({ user, params, set, request }) =>
        once({ user, set, request }, '/lists/:id/restore', null, async (db, owner) => {
          const list = await restoreList(db, owner, params.id, ifMatch(request))
          return { status: 200, headers: { etag: entityTag(list.revision) }, body: list }
        }),
      {
        // Otherwise Elysia would read a body, and refuse it, before authentication.
        parse: 'none',
        params: ListPath,
        response: answers(
          { 200: List },
          ...everywhere,
          'list-not-found',
          'revision-mismatch',
          'too-many-lists',
          ...repeatable,
        ),
        detail: documented({
          operationId: 'restoreList',
          summary: 'Take a list out of the trash',
          description: 'With the tasks that went with it, not with those that were in the trash before.',
          responseHeaders: { 200: ['ETag', 'Idempotency-Replayed'] },
          requestHeaders: ['If-Match', 'Idempotency-Key'],
        }),
      },
    )
}
