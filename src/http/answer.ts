import type { Static, TSchema, TUnsafe } from '@sinclair/typebox'
import type { ProblemCode } from '../problem.ts'
import { entityTag } from './conditional.ts'
import { declared } from './declared.ts'
import { problems } from './problems.ts'

type Declared<Answers extends Record<number, TSchema>> = {
  [Status in keyof Answers]: Answers[Status] extends TSchema ? TUnsafe<Static<Answers[Status]>> : never
}

/**
 * The `response` option of a route: its successes by status, and the codes of its problems.
 * For the handler's types and the OpenAPI document; see `declared`.
 */
export function answers<const Answers extends Record<number, TSchema>, const Codes extends readonly ProblemCode[]>(
  successes: Answers,
  ...codes: Codes
): Declared<Answers> & ReturnType<typeof problems<Codes>> {
  const entries = Object.entries(successes).map(([status, schema]) => [status, declared(schema)])
  // `fromEntries` forgets which status has which schema.
  return { ...(Object.fromEntries(entries) as Declared<Answers>), ...problems(...codes) }
}

/**
 * Bytes of a body that still leave room for any headers of ours in the 16 KiB that Bun
 * sends at once.
 */
const AT_ONCE = 12_000

/**
 * Writes as JSON (RFC 8259) a reply that may be long.
 *
 * After an await, an answer above 16 KiB has each name, colon, value and line end of its
 * headers sent by a system call of its own (Bun 1.4.5): 67 for a page of 50 tasks, and
 * most of its time. Bun's direct stream (`Transfer-Encoding: chunked`) needs two.
 */
export function writeLong<Reply>(reply: Reply, set: { headers: Record<string, string | number> }): Reply {
  // Elysia passes text and a Response through, which the types of declared answers do not know.
  return writeJson(JSON.stringify(reply), set) as never
}

/** As `writeLong`, of what is JSON already. */
export function writeJson(json: string, set: { headers: Record<string, string | number> }): string | Response {
  set.headers['content-type'] = 'application/json;charset=utf-8'
  if (Buffer.byteLength(json) <= AT_ONCE) return json
  const body = new ReadableStream({
    type: 'direct',
    pull(controller) {
      controller.write(json)
      controller.end()
    },
  })
  return new Response(body)
}

/** One row with its entity tag. */
export function tagged<Row extends { revision: number }>(
  row: Row,
  set: { headers: Record<string, string | number> },
): Row {
  set.headers['etag'] = entityTag(row.revision)
  return row
}

/** A new row's own address, below the one that it was posted to (RFC 9110, 10.2.2). */
export function locationOf(request: Request, id: string): string {
  return `${new URL(request.url).pathname.replace(/\/$/, '')}/${id}`
}
