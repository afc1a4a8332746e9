const POLL_MS = 10

/** Waits until `holds` does. @throws Error that says `what` when it does not within `ms`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await Bun.sleep(POLL_MS)
  }
}

/** Waits until nothing takes a connection at this address any more. */
export function untilRefused(url: string): Promise<void> {
  const ask = () => fetch(url, { headers: { connection: 'close' }, keepalive: false })
  return until(`${url} is not listened at`, () =>
    ask().then(
      () => false,
      () => true,
    ),
  )
}
