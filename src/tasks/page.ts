import type { SORTS, TaskQuery } from './query.ts'

/** The parts of a `sort` value; newest first where there is none. */
export function sortOf(sort: TaskQuery['sort'] = '-created_at'): { sort: (typeof SORTS)[number]; descending: boolean } {
  const descending = sort.startsWith('-')
  // The schema lists exactly the sorts, with and without the sign.
  return { sort: (descending ? sort.slice(1) : sort) as (typeof SORTS)[number], descending }
}

/** The address of the next page as a `Link` (RFC 8288): this one, with another cursor. */
export function pageLink(request: Request, cursor: string): string {
  const url = new URL(request.url)
  url.searchParams.set('cursor', cursor)
  return `<${url.pathname}${url.search}>; rel="next"`
}
