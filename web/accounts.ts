import { createDoable } from 'doable/client'
import { type Backend, SignInRefused, type User } from './app/backend.ts'

const UNAUTHORIZED = 401

/**
 * The accounts that Doable has itself. Better Auth's own client would do as well, and is larger than all of
 * this application.
 *
 * @param url where Doable is, without a slash at its end.
 */
export function accountsAt(url: string): Backend {
  async function ask(path: string, body?: object): Promise<Response> {
    const response = await fetch(`${url}/api/auth/${path}`, {
      ...(body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    if (response.status >= 500) throw new TypeError(`the service answered ${response.status}`)
    return response
  }

  async function submit<Answer>(path: string, body: object): Promise<Answer> {
    const response = await ask(path, body)
    const answer = (await response.json()) as Answer & { message?: string; detail?: string; code?: string }
    if (!response.ok) throw new SignInRefused(answer.message ?? answer.detail ?? 'This was refused.', answer.code)
    return answer
  }

  const enter = async (path: string, body: object) => (await submit<{ user: User }>(path, body)).user

  return {
    async currentUser() {
      const session = (await (await ask('get-session')).json()) as { user: User } | null
      return session?.user ?? null
    },
    signIn: (email, password) => enter('sign-in/email', { email, password }),
    signUp: (email, password) => enter('sign-up/email', { name: email.split('@')[0] || email, email, password }),
    async forgotPassword(email) {
      await submit('request-password-reset', { email })
    },
    async signOut() {
      await ask('sign-out', {})
    },
    tasksOf(userId, onSignedOut) {
      const token = async () => {
        const response = await ask('token')
        if (response.status === UNAUTHORIZED) return null
        return ((await response.json()) as { token: string }).token
      }
      return createDoable({ url, userId, token, onSignedOut, attempts: 2 })
    },
  }
}
