export interface Abortable {
  signal?: AbortSignal
}

export interface WriteOptions extends Abortable {
  /**
   * The task or list as it was read: the write is refused with `revision-mismatch` (412) when it
   * has been changed since.
   */
  ifUnchanged?: { revision: number }
}

export interface CreateOptions extends Abortable {
  /** The same key does it once, however often it is sent within 24 h; one is made where none is given. */
  key?: string
}

/** The JSON of an answer. */
export const json = async <T>(response: Promise<Response>) => (await (await response).json()) as T

/** With If-Match, a repeat could fail on the change that the first attempt has made: repeating is left to the caller. */
export const guarded = ({ ifUnchanged, signal }: WriteOptions) => ({
  signal,
  ...(ifUnchanged && { headers: { 'if-match': `"${ifUnchanged.revision}"` }, repeatable: false }),
})

/** A POST that is done once, however often it is sent. */
export const once = ({ key = crypto.randomUUID(), signal }: CreateOptions) => ({
  method: 'POST',
  headers: { 'idempotency-key': key },
  signal,
})
