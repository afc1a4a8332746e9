import { invalid } from '../problem.ts'

/** Where a page ended: the sort value and the id of its last task. */
export interface Position {
  value: string | number | null
  id: string
}

export type Cursors = ReturnType<typeof createCursors>

/** Bytes of a cursor's signature: 128 bits cannot be guessed. */
const TAG_BYTES = 16

/**
 * Opaque cursors, signed together with user and list: a forged cursor, or one of another user or
 * list, is refused.
 *
 * @param secret from which the signing key is derived, so that replicas share it.
 */
export function createCursors(secret: string) {
  const key = new Bun.CryptoHasher('sha256', secret).update('doable list cursor').digest()

  function sign(payload: string, scope: string): Buffer {
    return new Bun.CryptoHasher('sha256', key).update(`${scope}\0${payload}`).digest().subarray(0, TAG_BYTES)
  }

  return {
    /** @param scope the user and everything of the query that decides order and content. */
    write({ value, id }: Position, scope: string): string {
      const payload = JSON.stringify([value, id])
      return Buffer.concat([sign(payload, scope), Buffer.from(payload)]).toString('base64url')
    },

    /** @throws Problem `validation-failed` for anything that `write` has not made for this scope. */
    read(cursor: string, scope: string): Position {
      const bytes = Buffer.from(cursor, 'base64url')
      const payload = bytes.subarray(TAG_BYTES).toString()
      const tag = bytes.subarray(0, TAG_BYTES)
      if (tag.length < TAG_BYTES || !crypto.timingSafeEqual(tag, sign(payload, scope)))
        throw invalid([{ pointer: '/cursor', detail: 'is not a cursor of this list: start again from its first page' }])
      const [value, id] = JSON.parse(payload) as [Position['value'], string]
      return { value, id }
    },
  }
}
