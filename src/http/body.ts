import { invalid, Problem } from '../problem.ts'
import { findFault, lineAndColumn } from './json-place.ts'

const MAX_BYTES = 1024 * 1024

/** Levels of nesting that a body may have: no schema needs more, and recursive code stays within its stack. */
const MAX_DEPTH = 32

const JSON_TYPES = ['application/json']
const PATCH_TYPES = ['application/json', 'application/merge-patch+json']

interface BodyContext {
  request: Request
  body: unknown
}

// Arrow functions below: Elysia parses the source text of its hooks. In the minified program it fails
// to find the parameter of a method, and prints a warning on standard output, between the log lines.

/** Elysia would read the body before authentication: its own parser is skipped. */
const leaveUnread = () => null

/**
 * Route options that take a JSON body (RFC 8259), read only once the user is known.
 * Throws `unsupported-media-type`, `body-too-large` or `malformed-json`.
 */
export const jsonBody = {
  parse: [leaveUnread, 'json'],
  transform: async (context: BodyContext) => {
    context.body = await readJson(context.request, JSON_TYPES)
  },
} satisfies BodyOptions

/** As `jsonBody`, and takes a merge patch (RFC 7396) under its own media type too. */
export const patchBody = {
  parse: [leaveUnread, 'json'],
  transform: async (context: BodyContext) => {
    context.body = await readJson(context.request, PATCH_TYPES)
  },
} satisfies BodyOptions

/**
 * As `jsonBody`, but no body or an empty one counts as `{}`, whatever its media type, and so does
 * `null`, which generated clients send for no body.
 */
export const optionalJsonBody = {
  parse: [leaveUnread, 'json'],
  transform: async (context: BodyContext) => {
    const { request } = context
    if (Number(request.headers.get('content-length') ?? 0) > 0) mediaType(request, JSON_TYPES)
    // A chunked body has no length: whether it is empty is known once it has been read.
    const text = await readText(request)
    if (text !== '') mediaType(request, JSON_TYPES)
    context.body = text === '' ? {} : (parseJson(text) ?? {})
  },
} satisfies BodyOptions

/** Route options that leave the body to the handler, for `readTextBody` and `openTextBody`. */
export const unreadBody = { parse: [leaveUnread, 'json'] } satisfies Pick<BodyOptions, 'parse'>

/**
 * A whole body as text of one of these media types, of at most `max` bytes.
 *
 * @throws Problem `unsupported-media-type`, `body-too-large` or `malformed-json`.
 */
export async function readTextBody(request: Request, types: readonly string[], max: number): Promise<string> {
  mediaType(request, types)
  return await readText(request, max)
}

interface BodyOptions {
  parse: [() => null, 'json']
  transform(context: BodyContext): Promise<void>
}

/** Checks the media type before it waits for the body. */
async function readJson(request: Request, types: readonly string[]): Promise<unknown> {
  mediaType(request, types)
  return parseJson(await readText(request))
}

/** Reads UTF-8, and holds at most `max` bytes of it, whatever `Content-Length` says. */
async function readText(request: Request, max = MAX_BYTES): Promise<string> {
  const { headers } = request
  const length = headers.get('content-length')
  if (Number(length ?? 0) > max) throw tooLarge(max)
  try {
    // Bun reads no more than Content-Length: counting bytes in a stream is needed only without it.
    if (length !== null && !headers.has('transfer-encoding')) return UTF8.decode(await request.arrayBuffer())
    return await readStream(request.body ?? [], max)
  } catch (error) {
    if (error instanceof Problem) throw error
    throw unreadable(error)
  }
}

async function readStream(chunks: AsyncIterable<Uint8Array> | Uint8Array[], max: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.byteLength
    if (size > max) throw tooLarge(max)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** For whole texts only: a decoder that is fed in pieces keeps the rest of the last piece. */
const UTF8 = new TextDecoder('utf-8', { fatal: true })

export const tooLarge = (max: number) =>
  new Problem('body-too-large', `The body is larger than ${max / MAX_BYTES} MiB.`)

/** The media type of the body, when it is one of these and in UTF-8. */
export function mediaType(request: Request, types: readonly string[]): string {
  const [type = '', ...parameters] = (request.headers.get('content-type') ?? '').toLowerCase().split(';')
  const charset = parameters.map((item) => item.trim()).find((item) => item.startsWith('charset='))
  if (types.includes(type.trim()) && (!charset || /^charset="?utf-?8"?$/.test(charset))) return type.trim()
  throw new Problem('unsupported-media-type', `The body must be sent as Content-Type: ${types.join(' or ')}.`, {
    headers: request.method === 'PATCH' ? { 'accept-patch': types.join(', ') } : { accept: types.join(', ') },
  })
}

function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const place = lineAndColumn(text, findFault(text))
    const what = text.trim() === '' ? 'is empty, and must be JSON' : `is not well-formed JSON: see ${place}`
    throw malformed(`The body ${what}.`, error)
  }
  if (!isShallow(value, MAX_DEPTH))
    throw invalid([{ pointer: '', detail: `is nested deeper than ${MAX_DEPTH} levels` }])
  return value
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((item) => isShallow(item, depth - 1))
}

export const unreadable = (error: unknown) => malformed('The body is not UTF-8 text, or broke off.', error)

// The parser's message quotes the body and causes are logged: keep its name only.
function malformed(detail: string, error: unknown): Problem {
  return new Problem('malformed-json', detail, { cause: new Error(error instanceof Error ? error.name : 'unreadable') })
}
