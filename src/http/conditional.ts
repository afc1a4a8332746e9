/** The entity tag (RFC 9110, 8.8.3) of a representation at this revision. */
export function entityTag(revision: number): string {
  return `"${revision}"`
}

/** One entity tag, with the weak prefix and the suffix that a compressing proxy leaves on it. */
const TAG = /^(?:W\/)?"(\d{1,15})(?:-gzip|-br|;gzip|-zstd|-deflate)?"$/

/**
 * The revisions that `If-Match` (RFC 9110, 13.1.1) accepts. Undefined without one, or for
 * `*`, which every existing task meets; tags that were never ours match nothing.
 */
export function ifMatch(request: Request): { revisions: number[] | undefined } {
  const header = request.headers.get('if-match')?.trim()
  return { revisions: !header || header === '*' ? undefined : revisionsIn(header) }
}

/** Whether `If-None-Match` (RFC 9110, 13.1.2) names this revision. */
export function isUnchanged(request: Request, revision: number): boolean {
  const header = request.headers.get('if-none-match')?.trim()
  return header === '*' || (header !== undefined && revisionsIn(header).includes(revision))
}

/**
 * Answers 304 (RFC 9110, 15.4.5). By status and headers of `set`: Elysia copies the headers of a
 * Response one by one, which is slower.
 */
export function notModified(
  revision: number,
  set: { status?: number | string; headers: Record<string, string | number> },
): undefined {
  set.status = 304
  set.headers['etag'] = entityTag(revision)
  return undefined
}

function revisionsIn(list: string): number[] {
  return list.split(',').flatMap((tag) => {
    const revision = TAG.exec(tag.trim())?.[1]
    return revision === undefined ? [] : [Number(revision)]
  })
}
