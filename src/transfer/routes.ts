import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type Gate, userPlugin } from '../auth/user.ts'
import type { Work } from '../db/work.ts'
import { answers } from '../http/answer.ts'
import { readTextBody, unreadBody } from '../http/body.ts'
import type { Once } from '../http/idempotency.ts'
import { documented } from '../http/openapi/documented.ts'
import { everywhere, repeatable, withBody } from '../http/problems.ts'
import { queryOf } from '../http/query.ts'
import { Problem } from '../problem.ts'
import { UserPath } from '../resource/schemas.ts'
import { readCsv } from './csv.ts'
import { exportTasks, type Format } from './export.ts'
import { importRows, MAX_TASKS, readRows } from './import.ts'
import { readJson } from './json.ts'
import { TaskRecord } from './record.ts'

const jsonExample = {
  schema: Type.Array(TaskRecord, { maxItems: MAX_TASKS }),
  example: [{ title: 'Buy milk', due_date: '2026-11-24' }],
}
const csvExample = { schema: { type: 'string' }, example: 'title,due_date\r\nBuy milk,2026-11-24\r\n' }

/** Some 100,000 tasks: an export must be importable. */
const MAX_IMPORT_BYTES = 64 * 1024 * 1024

/** Bytes of all files that a process imports at a time: each takes some five times its size in memory. */
const MAX_BYTES_UNDER_WAY = 2 * MAX_IMPORT_BYTES

const MEDIA_TYPES: Record<Format, string> = { json: 'application/json', csv: 'text/csv' }

const ExportQuery = Type.Partial(
  Type.Object({
    format: Type.Unsafe<Format>({
      ...Type.Union([Type.Literal('json'), Type.Literal('csv')]),
      default: 'json',
      description: 'What to export as.',
      error: 'must be json or csv',
    }),
  }),
)
const ImportQuery = Type.Partial(
  Type.Object({
    dry_run: Type.Boolean({ description: '`true` only checks and counts.', error: 'must be true or false' }),
  }),
)
const Imported = Type.Object(
  {
    imported: Type.Integer({ format: 'int32', description: 'New tasks.', examples: [120] }),
    skipped: Type.Integer({
      format: 'int32',
      description: 'Tasks that were there already; they stay as they are.',
      examples: [0],
    }),
    dry_run: Type.Boolean({ examples: [false] }),
  },
  { $id: 'Imported', description: 'What came in' },
)

/** Export and import. */
export function transferRoutes(gate: Gate, work: Work, once: Once) {
  const importing = new Set<string>()
  let bytesUnderWay = 0
  return new Elysia({ prefix: '/api/:user_id', tags: ['transfer'] })
    .use(userPlugin(gate))
    .get(
      '/export',
      ({ user, query: { format = 'json' } }) => {
        const name = `doable-tasks-${new Date().toISOString().slice(0, 10)}.${format}`
        return new Response(streamOf(exportTasks(work, user.id, format)), {
          headers: {
            'content-type': `${MEDIA_TYPES[format]}; charset=utf-8`,
            'content-disposition': `attachment; filename="${name}"`,
          },
        })
      },
      {
        ...queryOf(ExportQuery),
        params: UserPath,
        response: answers(
          { 200: Type.Array(TaskRecord, { description: 'All tasks, the trash included' }) },
          ...everywhere,
        ),
        detail: documented({
          operationId: 'exportTasks',
          summary: 'Export everything',
          description: 'As an attachment. In CSV, what a spreadsheet would run as a formula is led by an apostrophe.',
          content: { 200: { 'text/csv': csvExample } },
        }),
      },
    )
    .post(
      '/import',
      async ({ user, query, set, request }) => {
        // Reserved before the body is read, which takes memory too. A body without a length may have any.
        const bytes = Math.min(Number(request.headers.get('content-length') ?? Infinity), MAX_IMPORT_BYTES)
        if (importing.has(user.id) || bytesUnderWay + bytes > MAX_BYTES_UNDER_WAY)
          throw new Problem('too-many-imports', 'Another import is under way. Please wait until it is done.', {
            headers: { 'retry-after': '5' },
          })
        importing.add(user.id)
        bytesUnderWay += bytes
        try {
          const { text, type } = await readTextBody(request, Object.values(MEDIA_TYPES), MAX_IMPORT_BYTES)
          const rows = readRows(type === MEDIA_TYPES.csv ? readCsv(text) : readJson(text))
          return await once(
            { user, set, request },
            '/import',
            [type, text],
            async (tx, owner) => ({ status: 200, body: await importRows(tx, owner, rows, query.dry_run ?? false) }),
            { atomic: true },
          )
        } finally {
          importing.delete(user.id)
          bytesUnderWay -= bytes
        }
      },
      {
        ...unreadBody,
        ...queryOf(ImportQuery),
        params: UserPath,
        response: answers({ 200: Imported }, ...withBody, ...repeatable, 'quota-exceeded', 'too-many-imports'),
        detail: documented({
          operationId: 'importTasks',
          summary: 'Import an export',
          description:
            'All of it or nothing; a fault is named by line and column. At most 64 MiB and 250,000 tasks, one file at a time.',
          requestContent: { 'application/json': jsonExample, 'text/csv': csvExample },
          responseHeaders: { 200: ['Idempotency-Replayed'] },
          requestHeaders: ['Idempotency-Key'],
        }),
      },
    )
}

/** A response body that reads the next text only once the client has taken the one before. */
function streamOf(texts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await texts.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      async cancel() {
        await texts.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
