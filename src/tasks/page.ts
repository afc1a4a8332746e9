import { entityTag } from '../http/conditional.ts'
import type { TaskPage } from './list.ts'
import type { SORTS, TaskQuery } from './query.ts'

/** The parts of a `sort` value; newest first where there is none. */
export function sortOf(sort: TaskQuery['sort'] = '-created_at'): { sort: (typeof SORTS)[number]; descending: boolean } {
  const descending = sort.startsWith('-')
  // The schema lists exactly the sorts, with and without the sign.
  return { sort: (descending ? sort.slice(1) : sort) as (typeof SORTS)[number], descending }
}

/** The address of the next page as a `Link` (RFC 8288): this one, with another cursor. */
function pageLink(request: Request, cursor: string): string {
  const url = new URL(request.url)
  url.searchParams.set('cursor', cursor)
  return `<${url.pathname}${url.search}>; rel="next"`
}

/** The headers of a page: its revision, the next page's address, how many there are, whether its search was cut short. */
export function pageHeaders(
  request: Request,
  { revision, cursor, total, isPartial }: TaskPage,
): Record<string, string> {
  return {
    etag: entityTag(revision),
    ...(cursor !== undefined && { link: pageLink(request, cursor) }),
    ...(total !== undefined && { 'x-total-count': String(total) }),
    ...(isPartial && { 'x-partial': 'true' }),
  }
}
