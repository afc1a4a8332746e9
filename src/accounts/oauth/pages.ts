import { Elysia } from 'elysia'
import type { Logger } from 'pino'
import { unreadBody } from '../../http/body.ts'
import { originOf } from '../../http/origins.ts'
import { Problem } from '../../problem.ts'
import { html, pageOf } from '../pages/layout.ts'
import { readForm } from '../request.ts'
import type { Ask, Context } from './ask.ts'
import type { Consents } from './consents.ts'
import { accessPage, consentPage, type Person, signPage } from './markup.ts'
import {
  ACCESS_PATH,
  AUTHORIZE_PATH,
  CONSENT_PATH,
  hasFault,
  SIGN_IN_PATH,
  SIGN_OUT_PATH,
  SIGN_UP_PATH,
  unsigned,
} from './names.ts'
import { follow, notAuthorized, redirect } from './routes.ts'

/** Bytes of a form that a person sends, at most. */
const MAX_FORM = 8 * 1024

const hidden = { detail: { hide: true } }

/**
 * The pages on which people sign in, let programs in, and see and take away what has access. They work without a
 * script. A form counts only from a page of this very origin: that, and the cookie's `SameSite`, keep other
 * sites from sending one in somebody's name.
 *
 * @param ended is told whose tokens are to be checked again.
 */
export function accountPages(ask: Ask, consents: Consents, log: Logger, ended: (user: string) => void) {
  const personOf = async (context: Context): Promise<Person | undefined> => {
    const answer = await ask(context, { path: '/api/auth/get-session', kind: 'accounts', by: 'person' })
    const found = answer.ok ? ((await answer.json()) as { user: Person } | null) : null
    return found?.user
  }
  /** A page of its own address, whatever goes wrong: people have no use for a problem document. */
  const shown = (make: (context: Context) => Promise<Response>) => (context: Context) =>
    make(context).catch((error: unknown) => failed(error, log))
  const taken = (make: (context: Context, form: URLSearchParams) => Promise<Response>) =>
    shown(async (context) => {
      const { request } = context
      if (request.headers.get('origin') !== originOf(request))
        throw new Problem('malformed-request', 'This form was sent from elsewhere. Please open the page again.')
      return await make(context, await readForm(request, MAX_FORM))
    })

  const clientOf = async (params: URLSearchParams) => {
    const id = params.get('client_id')
    return id === null ? undefined : await consents.findClient(id)
  }

  const sign = (way: 'in' | 'up') =>
    shown(async ({ request }) => {
      const params = paramsOf(request)
      if (hasFaultBefore(params)) return notAuthorized('invalid_request')
      return signPage({ way, params, client: await clientOf(params) })
    })

  const signed = (way: 'in' | 'up') =>
    taken(async (context, form) => {
      const params = paramsOf(context.request)
      const { email = '', password = '', name = '' } = Object.fromEntries(form)
      if (hasFaultBefore(params) || [email, password, name].some((text) => text.includes('\0')))
        return notAuthorized('invalid_request')
      const body = { email, password, ...(way === 'up' && { name: name.slice(0, 200) }) }
      const path = `/api/auth/sign-${way}/email`
      const answer = await ask(context, { path, kind: 'accounts', method: 'POST', body, by: 'person' })
      if (!answer.ok) {
        const { code } = (await answer.json().catch(() => ({}))) as { code?: string }
        return signPage({ way, params, client: await clientOf(params), email, fault: code ?? 'REFUSED' })
      }
      return redirect(after(params, originOf(context.request)), answer)
    })

  return new Elysia({ tags: ['accounts'] })
    .get(SIGN_IN_PATH, sign('in'), hidden)
    .post(SIGN_IN_PATH, signed('in'), { ...unreadBody, ...hidden })
    .get(SIGN_UP_PATH, sign('up'), hidden)
    .post(SIGN_UP_PATH, signed('up'), { ...unreadBody, ...hidden })
    .post(
      SIGN_OUT_PATH,
      taken(async (context) =>
        redirect(
          SIGN_IN_PATH,
          await ask(context, { path: '/api/auth/sign-out', kind: 'accounts', method: 'POST', body: {}, by: 'person' }),
        ),
      ),
      { ...unreadBody, ...hidden },
    )
    .get(
      CONSENT_PATH,
      shown(async (context) => {
        const params = paramsOf(context.request)
        const client = hasFaultBefore(params) ? undefined : await clientOf(params)
        if (client === undefined) return notAuthorized('invalid_client')
        const person = await personOf(context)
        return person === undefined ? redirect(`${SIGN_IN_PATH}?${params}`) : consentPage({ params, client, person })
      }),
      hidden,
    )
    .post(
      CONSENT_PATH,
      taken(async (context, form) => {
        const params = paramsOf(context.request)
        const accept = form.get('answer') === 'allow'
        const person = await personOf(context)
        if (person === undefined) return redirect(`${SIGN_IN_PATH}?${params}`)
        if (accept && !(await consents.hasRoom(person.id, params.get('client_id') ?? '')))
          throw new Problem('quota-exceeded', 'Too many programs have access. Take it away from some first.')
        const body = { accept, oauth_query: params.toString() }
        const path = '/api/auth/oauth2/consent'
        const answer = await ask(context, { path, kind: 'oauth', method: 'POST', body, by: 'person' })
        return await follow(answer, originOf(context.request))
      }),
      { ...unreadBody, ...hidden },
    )
    .get(
      ACCESS_PATH,
      shown(async (context) => {
        const person = await personOf(context)
        if (person === undefined) return redirect(SIGN_IN_PATH)
        return accessPage({ person, programs: await consents.list(person.id) })
      }),
      hidden,
    )
    .post(
      ACCESS_PATH,
      taken(async (context, form) => {
        const person = await personOf(context)
        if (person === undefined) return redirect(SIGN_IN_PATH)
        await consents.revoke(person.id, (form.get('client_id') ?? '').replaceAll('\0', ''))
        ended(person.id)
        return redirect(ACCESS_PATH)
      }),
      { ...unreadBody, ...hidden },
    )
}

const paramsOf = ({ url }: Request) => new URL(url).searchParams

/** The provider itself signs parameters whose names it lists, so that one of its own comes more than once. */
function hasFaultBefore(params: URLSearchParams): boolean {
  const copy = new URLSearchParams(params)
  copy.delete('ba_param')
  return hasFault(copy)
}

/** Where somebody goes who has just signed in: on with what a program asked for, or to what has access. */
function after(params: URLSearchParams, own: string): string {
  if (!params.has('client_id')) return ACCESS_PATH
  const asked = unsigned(params, own)
  // Both ask for signing in, which has just been done.
  asked.delete('max_age')
  const prompts = (asked.get('prompt') ?? '').split(' ').filter((prompt) => !['login', 'create', ''].includes(prompt))
  if (prompts.length > 0) asked.set('prompt', prompts.join(' '))
  else asked.delete('prompt')
  return `${AUTHORIZE_PATH}?${asked}`
}

function failed(error: unknown, log: Logger): Response {
  const problem = error instanceof Problem ? error : undefined
  if (problem === undefined || problem.status >= 500)
    log.error({ code: problem?.code, cause: error instanceof Error ? error.name : typeof error }, 'a page failed')
  return pageOf({
    title: problem?.title ?? 'Something went wrong',
    status: problem?.status ?? 500,
    headers: new Headers(problem?.headers),
    body: html`<p>${problem?.message ?? 'Something went wrong on our side. It has been logged.'}</p>`,
  })
}
