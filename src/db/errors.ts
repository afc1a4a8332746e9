/** A server that answers, and will not have us or is not to be trusted: trying again does not help. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** Whether the server has answered, and trying again will not change its mind or ours. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Refusal || /^(28...|3D000|08P01|SASL.*)$/.test(codeOf(error) ?? '')
}

/** The SQLSTATE of a database error, under whatever Drizzle has wrapped it in. */
export function sqlState(error: unknown): string | undefined {
  const code = codeOf(error)
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** The code of a driver's error, under whatever Drizzle has wrapped it in. */
export function codeOf(error: unknown): string | undefined {
  const found = findCause(error, (at) => typeof (at as { code?: unknown }).code === 'string')
  return (found as { code?: string } | undefined)?.code
}

/** The first of an error and its causes that fits. */
export function findCause(error: unknown, matches: (at: Error) => boolean): Error | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (matches(at)) return at
  return undefined
}
