import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type Gate, isStillAdmitted, userPlugin } from '../auth/user.ts'
import type { Work } from '../db/work.ts'
import { answers, writeLong } from '../http/answer.ts'
import { jsonBody } from '../http/body.ts'
import type { Once } from '../http/idempotency.ts'
import { documented } from '../http/openapi/documented.ts'
import { everywhere, repeatable, withBody } from '../http/problems.ts'
import { MAX_PAGE, Page, queryOf } from '../http/query.ts'
import { List } from '../lists/model.ts'
import { invalid, Problem } from '../problem.ts'
import { ALWAYS_FIT } from '../resource/page.ts'
import { MAX_REVISION, Revision, UserPath } from '../resource/schemas.ts'
import { Task } from '../tasks/model.ts'
import { Batch, BatchResults, type Runners, runBatch } from './batch.ts'
import { type ReadChanges, readChanges } from './changes.ts'
import { eventBody, STALLED_S, streamEvents } from './events.ts'
import type { Feed } from './feed.ts'
import { shareReads } from './shared.ts'

/** Open event streams of one user in this process: enough for a phone and several browsers with several tabs each. */
const MAX_STREAMS = 10

const Since = Revision('The last revision that you have seen; 0 for everything.', {
  minimum: 0,
  maximum: MAX_REVISION,
  error: `must be a whole number from 0 to ${MAX_REVISION}`,
})
const ChangesQuery = Type.Partial(Type.Object({ since: Since, limit: Page.limit }))
const EventsQuery = Type.Partial(Type.Object({ since: Since }))

const Changes = Type.Object(
  {
    changes: Type.Array(Task, { description: 'Tasks.' }),
    lists: Type.Array(List, { description: 'Lists that have changed within the same revisions.' }),
    next: Revision('The `since` of your next question.'),
    more: Type.Boolean({ description: 'Whether there is more already.', examples: [false] }),
  },
  { $id: 'Changes', description: 'What has changed, in the order of revisions' },
)

/** Sync: changes by page and as events, and batches. */
export function syncRoutes(gate: Gate, work: Work, once: Once, feed: Feed, runners: Runners) {
  const read: ReadChanges = (user, since, limit) =>
    (limit > ALWAYS_FIT ? work.scan : work.read)(user, readChanges, since, limit)
  const readShared = shareReads(read)
  return new Elysia({ prefix: '/api/:user_id', tags: ['sync'] })
    .use(userPlugin(gate))
    .get(
      '/changes',
      async ({ user, query, set }) => {
        const { reminded, ...page } = await read(user.id, query.since ?? 0, query.limit ?? MAX_PAGE)
        return writeLong(page, set)
      },
      {
        ...queryOf(ChangesQuery),
        params: UserPath,
        response: answers({ 200: Changes }, ...everywhere, 'history-gone'),
        detail: documented({
          operationId: 'listChanges',
          summary: 'List what has changed',
          description:
            'Each task and each list once, in its latest state; deleted ones have `deleted_at`. A page holds at most `limit` and about 1 MiB: go on from `next` until `more` is false.',
        }),
      },
    )
    .post(
      '/batch',
      ({ user, body, set, request }) =>
        once(
          { user, set, request },
          '/batch',
          body,
          async (tx, owner) => ({ status: 200, body: await runBatch(tx, owner, body, runners) }),
          { atomic: true },
        ),
      {
        ...jsonBody,
        params: UserPath,
        body: Batch,
        response: answers(
          { 200: BatchResults },
          ...withBody,
          'task-not-found',
          'list-not-found',
          'task-exists',
          'list-exists',
          'too-many-lists',
          'revision-mismatch',
          'quota-exceeded',
          ...repeatable,
        ),
        detail: documented({
          operationId: 'runBatch',
          summary: 'Do several things at once',
          description:
            'At most 100 operations, all of them or none. The problem of a refused one names it in its pointers.',
          responseHeaders: { 200: ['Idempotency-Replayed'] },
          requestHeaders: ['Idempotency-Key'],
        }),
      },
    )
    .get(
      '/events',
      async ({ user, query, request, server }) => {
        // Refuses a revision of another history while it still can.
        const asked = lastEventId(request) ?? query.since
        const { next } = await read(user.id, asked, 1)
        const since = asked ?? next
        if (feed.listeners(user.id) >= MAX_STREAMS)
          throw new Problem('too-many-streams', `At most ${MAX_STREAMS} event streams may be open at once.`, {
            headers: { 'retry-after': '5' },
          })
        const bell = feed.listen(user.id)
        // A stream that stalls holds memory, and counts, until its socket is destroyed.
        request.signal.addEventListener('abort', () => bell.close())
        if (request.method === 'HEAD' || request.signal.aborted) bell.close()
        else server?.timeout(request, STALLED_S)
        const authorization = request.headers.get('authorization')
        const events = streamEvents({
          user: user.id,
          since,
          expires: user.expires * 1000,
          isAdmitted: () => isStillAdmitted(gate.tokens, authorization),
          bell,
          readChanges: readShared,
        })
        // Elysia passes a Response through; its types know only the declared answers of a promise.
        return new Response(eventBody(events, bell), {
          headers: {
            'content-type': 'text/event-stream',
            'cache-control': 'no-cache, no-transform',
            // nginx would hold events back until its buffer is full.
            'x-accel-buffering': 'no',
          },
        }) as never
      },
      {
        ...queryOf(EventsQuery),
        params: UserPath,
        response: answers(
          {
            200: Type.String({
              description:
                'Server-sent events: `event: change` with a task or `event: list` with a list as `data`, `id` the revision; before the change by which a reminder was sent out, `event: reminder` with the task and without an `id`',
            }),
          },
          ...everywhere,
          'history-gone',
          'too-many-streams',
        ),
        detail: documented({
          operationId: 'streamEvents',
          summary: 'Follow changes as they happen',
          description:
            '`Last-Event-ID` or `since` replays what was missed; without either the stream starts now. A comment every 15 s; ends when the token expires or no longer counts. A reader that takes nothing for 30 s is cut off.',
          requestHeaders: ['Last-Event-ID'],
          content: { 200: { 'application/json': null, 'text/event-stream': eventExample } },
        }),
      },
    )
}

const eventExample = {
  schema: { type: 'string' },
  example: 'event: change\nid: 42\ndata: {"id":"01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80","title":"Buy milk"}\n\n',
}

function lastEventId(request: Request): number | undefined {
  const id = request.headers.get('last-event-id')
  if (id === null || id === '') return undefined
  if (!/^\d{1,15}$/.test(id))
    throw invalid([{ pointer: '/Last-Event-ID', detail: 'must be the id of one of our events' }])
  return Number(id)
}
