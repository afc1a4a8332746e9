import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type Gate, userPlugin } from '../auth/user.ts'
import type { Work } from '../db/work.ts'
import { answers } from '../http/answer.ts'
import { unreadBody } from '../http/body.ts'
import type { Once } from '../http/idempotency.ts'
import { documented } from '../http/openapi/documented.ts'
import { everywhere, repeatable, withBody } from '../http/problems.ts'
import { queryOf } from '../http/query.ts'
import { openTextBody } from '../http/streamed-body.ts'
import { UserPath } from '../resource/schemas.ts'
import { checkFile } from './check.ts'
import { CsvReader } from './csv-reader.ts'
import { exportTasks, type Format } from './export.ts'
import { MAX_TASKS } from './file.ts'
import { createImport } from './import.ts'
import { JsonReader } from './json-reader.ts'
import { ListRecord } from './list-record.ts'
import { TaskRecord } from './record.ts'
import { Room } from './room.ts'

const AnyRecord = Type.Union([TaskRecord, ListRecord])

const jsonExample = {
  schema: Type.Array(AnyRecord, { maxItems: MAX_TASKS }),
  example: [{ title: 'Buy milk', due_date: '2026-11-24' }],
}
const csvExample = { schema: { type: 'string' }, example: 'title,due_date\r\nBuy milk,2026-11-24\r\n' }

/** Some 100,000 tasks: an export must be importable. */
const MAX_IMPORT_BYTES = 64 * 1024 * 1024

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
    imported: Type.Integer({ format: 'int32', description: 'New tasks and lists.', examples: [120] }),
    skipped: Type.Integer({
      format: 'int32',
      description: 'Those that were there already; they stay as they are.',
      examples: [0],
    }),
    dry_run: Type.Boolean({ examples: [false] }),
  },
  { $id: 'Imported', description: 'What came in' },
)

/** Export and import. */
export function transferRoutes(gate: Gate, work: Work, once: Once) {
  const room = new Room()
  const importFile = createImport(work, once)
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
          { 200: Type.Array(AnyRecord, { description: 'All lists and all tasks, the trash included' }) },
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
      async ({ user, query, set, request, server }) => {
        using seat = room.enter(user.id)
        const options = { dryRun: query.dry_run ?? false, hold: seat.hold }
        const body = openTextBody(request, Object.values(MEDIA_TYPES), MAX_IMPORT_BYTES)
        // The body has deadlines of its own, and its transaction may take longer than a connection may rest.
        server?.timeout(request, 0)
        const reader = body.type === MEDIA_TYPES.csv ? new CsvReader() : new JsonReader()
        const file = await checkFile(body.pieces, reader, options)
        const payload = [body.type, body.digest()]
        return await importFile({ context: { user, set, request }, payload }, file, options)
      },
      {
        ...unreadBody,
        ...queryOf(ImportQuery),
        params: UserPath,
        response: answers(
          { 200: Imported },
          ...withBody,
          ...repeatable,
          'body-too-slow',
          'quota-exceeded',
          'too-many-lists',
          'too-many-imports',
        ),
        detail: documented({
          operationId: 'importTasks',
          summary: 'Import an export',
          description:
            'All of it or nothing; a fault is named by line and column. At most 64 MiB, 250,000 tasks and 256 KiB for each, one file at a time.',
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
