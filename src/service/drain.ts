/** How long a stop waits for requests that are still running, in milliseconds. */
const DRAIN_MS = 10_000

/** How often it looks whether they still do, in milliseconds. */
const LOOK_MS = 50

/** How long it waits for connections that were cut to be gone, in milliseconds. */
const CUT_MS = 1000

/**
 * Takes no new connections, and cuts those that are left once every answer has been sent. Left
 * are those that still send a body which was refused unread: cut together with the answer they
 * would be reset, and clients would lose the answer while they send (RFC 9112, 9.6).
 */
export async function drain(server: Bun.Server<unknown>): Promise<void> {
  let ended = false
  void server.stop().then(() => {
    ended = true
  })
  const giveUp = performance.now() + DRAIN_MS
  while (!ended && performance.now() < giveUp) {
    await Bun.sleep(LOOK_MS)
    if (server.pendingRequests === 0) break
  }
  if (!ended) await withinBound(server.stop(true), CUT_MS)
}

/** Waits for the end of something, or for so many milliseconds: a stop goes on either way. */
export async function withinBound(end: Promise<unknown>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  try {
    await Promise.race([end, late])
  } finally {
    clearTimeout(timer)
  }
}
