import type { Origins } from '../../http/origins.ts'

/** Doable's own pages, for links that no front end has named a page for. */
export const OWN_PAGES = { reset: '/reset-password', verified: '/email-verified' } as const

/** By which member each route names the page that the link of its mail leads to. */
const NAMED: Record<string, { member: string; own: string }> = {
  '/api/auth/request-password-reset': { member: 'redirectTo', own: OWN_PAGES.reset },
  '/api/auth/send-verification-email': { member: 'callbackURL', own: OWN_PAGES.verified },
  '/api/auth/sign-up/email': { member: 'callbackURL', own: OWN_PAGES.verified },
}

/** An address that no origin has (RFC 2606): Better Auth refuses it, in its own words. */
const UNTRUSTED = 'https://refused.invalid/'

/** A body whose link has been settled, and the origin that the link leads to. */
export interface Aimed {
  body: unknown
  /** For Better Auth to trust; undefined where no link is asked for, or none that may be. */
  origin: string | undefined
}

/**
 * Decides where links in mails lead: to a page of a listed origin or of Doable itself. A request's
 * `Host` has no say in it: whoever asks for a mail to somebody else would have its token sent to a
 * host of their own.
 *
 * @param publicUrl the address under which browsers reach Doable, without a slash at the end.
 */
export function createLinks(origins: Origins, publicUrl: () => string) {
  const isListed = (origin: string) => !origins.any && origins.allows(origin)

  /** The page's whole address; undefined where it may not be one. A path belongs to the page that asks. */
  function settle(named: string, asking: string | null): string | undefined {
    const own = publicUrl()
    const base = asking !== null && isListed(asking) ? asking : `${own}/`
    const page = URL.parse(named, base)
    if (page === null) return undefined
    return isListed(page.origin) || page.origin === new URL(own).origin ? page.href : undefined
  }

  return {
    /** Settles the link that a request asks for. */
    aim(request: Request, body: unknown): Aimed {
      const { pathname, searchParams } = new URL(request.url)
      const path = pathname.replace(/\/+$/, '')
      const asking = request.headers.get('origin')
      const route = NAMED[path]
      if (route === undefined || typeof body !== 'object' || body === null || Array.isArray(body)) {
        // The link of a mail itself, which comes without `Origin`.
        const next = path === '/api/auth/verify-email' ? searchParams.get('callbackURL') : null
        const page = next === null ? undefined : settle(next, asking)
        return { body, origin: page && new URL(page).origin }
      }
      const named = (body as Record<string, unknown>)[route.member] ?? `${publicUrl()}${route.own}`
      if (typeof named !== 'string') return { body, origin: undefined }
      const page = settle(named, asking)
      return { body: { ...body, [route.member]: page ?? UNTRUSTED }, origin: page && new URL(page).origin }
    },
  }
}
