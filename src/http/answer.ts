import { Kind, type Static, type TSchema, Type, TypeRegistry } from '@sinclair/typebox'

TypeRegistry.Set('Written', (_, value) => typeof value === 'string')

/** A reply that `written` has made JSON (RFC 8259) already: its type and the document say what of. */
export const Written = <Schema extends TSchema>(schema: Schema) =>
  Type.Unsafe<Static<Schema>>({ ...schema, [Kind]: 'Written' })

/**
 * Bytes of a body that still leave room for any headers of ours in the 16 KiB that Bun
 * sends at once.
 */
const AT_ONCE = 12_000

/**
 * A long reply as JSON, for a route that declares it as `Written`. It is not compared with its
 * schema: of a page of 50 tasks, that would cost as much as writing them.
 *
 * After an await, an answer above 16 KiB has each name, colon, value and line end of its
 * headers sent by a system call of its own (Bun 1.4.5): 67 for a page of 50 tasks, and
 * most of its time. Bun's direct stream (`Transfer-Encoding: chunked`) needs two.
 */
export function written<Reply>(reply: Reply, set: { headers: Record<string, string | number> }): Reply {
  const json = JSON.stringify(reply)
  set.headers['content-type'] = 'application/json;charset=utf-8'
  // Elysia passes text and a Response through, which the types of declared answers do not know.
  if (Buffer.byteLength(json) <= AT_ONCE) return json as never
  const body = new ReadableStream({
    type: 'direct',
    pull(controller) {
      controller.write(json)
      controller.end()
    },
  })
  return new Response(body) as never
}
