import { html, type Markup, pageOf } from '../pages/layout.ts'
import { hostOf, type Program } from './consents.ts'
import { ACCESS_PATH, CONSENT_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGN_UP_PATH } from './names.ts'

export interface Person {
  id: string
  email: string
}

interface Client {
  name: string
  redirects: string[]
}

/** What Better Auth's refusals mean to somebody who signs in or up. */
const FAULTS: Record<string, string> = {
  INVALID_EMAIL_OR_PASSWORD: 'The e-mail address or the password is wrong.',
  INVALID_EMAIL: 'This is not an e-mail address.',
  VALIDATION_ERROR: 'This is not an e-mail address.',
  PASSWORD_TOO_SHORT: 'The password must have at least 8 characters.',
  PASSWORD_TOO_LONG: 'The password must have at most 128 characters.',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'There is an account with this e-mail address already.',
}

interface Sign {
  way: 'in' | 'up'
  params: URLSearchParams
  /** The program that somebody signs in for. */
  client: Client | undefined
  email?: string
  fault?: string
}

/** Signing in or up, perhaps because a program wants to be let in. */
export function signPage({ way, params, client, email, fault }: Sign): Response {
  const query = params.size > 0 ? `?${params}` : ''
  const isUp = way === 'up'
  return pageOf({
    title: isUp ? 'Make an account' : 'Sign in',
    status: fault === undefined ? 200 : 422,
    formTargets: targetsOf(params),
    body: html`${client && html`<p><strong>${client.name}</strong> asks for access to your tasks. You decide about that on the next page.</p>`}
${fault !== undefined ? html`<p class="fault" role="alert">${FAULTS[fault] ?? 'This was refused.'}</p>` : undefined}
<form method="post" action="${(isUp ? SIGN_UP_PATH : SIGN_IN_PATH) + query}">
${isUp ? html`<label>Name<input name="name" autocomplete="name" maxlength="200" required></label>` : undefined}
<label>E-mail address<input name="email" type="email" autocomplete="username" required value="${email ?? ''}"></label>
<label>Password<input name="password" type="password" autocomplete="${isUp ? 'new-password' : 'current-password'}" required></label>
<div class="actions"><button class="first">${isUp ? 'Make an account' : 'Sign in'}</button></div>
</form>
<p>${
      isUp
        ? html`<a href="${SIGN_IN_PATH + query}">I have an account</a>`
        : html`<a href="${SIGN_UP_PATH + query}">I have no account yet</a>`
    }</p>`,
  })
}

const SCOPE_WORDS: Record<string, string> = {
  'tasks:read': 'see your tasks, those in the trash too',
  'tasks:write': 'add, change, complete and delete tasks',
  offline_access: 'go on doing so until you take the access away',
}

const scopeList = (scopes: string[]): Markup =>
  html`<ul>${scopes.map((scope) => html`<li>${SCOPE_WORDS[scope] ?? scope}</li>`)}</ul>`

/** Asks whether a program may have what it asks for. */
export function consentPage({
  params,
  client,
  person,
}: {
  params: URLSearchParams
  client: Client
  person: Person
}): Response {
  const scopes = (params.get('scope') ?? '').split(' ').filter((scope) => scope in SCOPE_WORDS)
  return pageOf({
    title: `Let ${client.name} in?`,
    formTargets: targetsOf(params),
    body: html`<p>It could</p>
${scopeList(scopes)}
<p>Whatever you answer, you are sent back to <strong>${hostOf(params.get('redirect_uri') ?? '')}</strong>. Anyone can call a program ${client.name}: allow it only if you have just come from there.</p>
<form method="post" action="${CONSENT_PATH}?${params.toString()}">
<div class="actions"><button class="first" name="answer" value="allow">Allow</button> <button name="answer" value="deny">Do not allow</button></div>
</form>
<p class="faint">You are signed in as ${person.email}.</p>
${signOut()}`,
  })
}

const signOut = () =>
  html`<form method="post" action="${SIGN_OUT_PATH}"><div class="actions"><button>Sign out</button></div></form>`

/** What has access to a person's tasks, each with a button that ends it. */
export function accessPage({ person, programs }: { person: Person; programs: Program[] }): Response {
  const cards = programs.map(
    ({ client_id, name, hosts, scopes, created_at }) => html`<li>
<h2>${name}</h2>
<p class="faint">${hosts.join(', ')}, since <time datetime="${created_at}">${created_at.slice(0, 10)}</time></p>
${scopeList(scopes)}
<form method="post" action="${ACCESS_PATH}"><input type="hidden" name="client_id" value="${client_id}"><button aria-label="Take the access away from ${name}">Take the access away</button></form>
</li>`,
  )
  return pageOf({
    title: 'What has access to your tasks',
    body: html`${
      cards.length === 0
        ? html`<p>No program has access.</p>`
        : html`<p>Taking the access away counts within a minute.</p><ul class="cards">${cards}</ul>`
    }
<p class="faint">You are signed in as ${person.email}.</p>
${signOut()}`,
  })
}

/**
 * Where the answer to a form may send the browser, for `form-action`: back to the program. An address of the
 * loopback as IPv6 has no form there; its scheme stands for it.
 */
function targetsOf(params: URLSearchParams): string[] {
  const url = URL.parse(params.get('redirect_uri') ?? '')
  if (url === null || ['javascript:', 'data:'].includes(url.protocol)) return []
  if (!/^https?:$/.test(url.protocol)) return [url.protocol]
  return [url.hostname.startsWith('[') ? url.protocol : url.origin]
}
