import { Problem } from '../problem.ts'
import { mediaType, tooLarge, unreadable } from './body.ts'

/** How long the next bytes of a body may take to come, and all of them, in milliseconds. */
const DEADLINES = { nextMs: 30_000, allMs: 15 * 60_000 }

/** A body that is read piece by piece. */
export interface TextBody {
  /** Its media type. */
  readonly type: string
  /**
   * Its text, in pieces of at most 64 KiB; no more of it is taken from the socket than is read here.
   * Throws Problem `body-too-large`, `body-too-slow` or `malformed-json`.
   */
  readonly pieces: AsyncIterable<string>
  /** SHA-256 of all bytes that were read, in hex. */
  digest(): string
}

/**
 * A body of one of these media types, of at most `max` bytes.
 *
 * @throws Problem `unsupported-media-type` or `body-too-large`, where its header fields say so.
 */
export function openTextBody(request: Request, types: readonly string[], max: number, deadlines = DEADLINES): TextBody {
  const type = mediaType(request, types)
  if (Number(request.headers.get('content-length') ?? 0) > max) throw tooLarge(max)
  const hash = new Bun.CryptoHasher('sha256')
  return { type, pieces: readPieces(request, max, hash, deadlines), digest: () => hash.digest('hex') }
}

/** Bytes that are decoded at once. */
const PIECE = 64 * 1024

async function* readPieces(
  request: Request,
  max: number,
  hash: Bun.CryptoHasher,
  deadlines: typeof DEADLINES,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let size = 0
  try {
    for await (const chunk of readInTime(request.body, deadlines)) {
      size += chunk.byteLength
      if (size > max) throw tooLarge(max)
      hash.update(chunk)
      for (let at = 0; at < chunk.byteLength; at += PIECE)
        yield decoder.decode(chunk.subarray(at, at + PIECE), { stream: true })
    }
    yield decoder.decode()
  } catch (error) {
    throw error instanceof Problem ? error : unreadable(error)
  }
}

/** @throws Problem `body-too-slow`. What is left when the reader stops is refused to the client. */
async function* readInTime(
  body: ReadableStream<Uint8Array> | null,
  { nextMs, allMs }: typeof DEADLINES,
): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const reader = body.getReader()
  const end = performance.now() + allMs
  let isLate = false
  const giveUp = () => {
    isLate = true
    void reader.cancel().catch(() => {})
  }
  try {
    for (;;) {
      const timer = setTimeout(giveUp, Math.min(nextMs, end - performance.now()))
      const { value, done } = await reader.read().finally(() => clearTimeout(timer))
      if (isLate) throw new Problem('body-too-slow', 'The body came too slowly. Please try again.')
      if (done) return
      yield value
    }
  } finally {
    // Of a body that was read to its end this cancels nothing.
    void reader.cancel().catch(() => {})
  }
}
