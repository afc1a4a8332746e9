import { createAuthClient } from 'better-auth/client'
import { jwtClient } from 'better-auth/client/plugins'
import { createDoable } from 'doable/client'
import { type Backend, SignInRefused, type User } from '../task-app/backend.ts'

export type { User }

const UNAUTHORIZED = 401

export interface Places {
  /** Where Better Auth answers `/api/auth/…`. */
  authUrl: string
  doableUrl: string
  /** Another `fetch` for Better Auth's client, where there is no browser to keep its cookie. */
  fetch?: typeof fetch
}

interface Answer<T> {
  data: T | null
  error: { status: number; message?: string | undefined; code?: string | undefined } | null
}

/** Everything that the task application wants of the place it runs in. */
export function connect({ authUrl, doableUrl, fetch }: Places): Backend {
  const auth = createAuthClient({
    baseURL: authUrl,
    plugins: [jwtClient()],
    // The session is a cookie of Better Auth's origin.
    fetchOptions: { credentials: 'include', ...(fetch && { customFetchImpl: fetch }) },
  })

  /** Better Auth's client gives errors back; the application wants them thrown. */
  function dataOf<T>({ data, error }: Answer<T>): T {
    if (data !== null) return data
    const isRefusal = error !== null && error.status >= 400 && error.status < 500
    if (isRefusal) throw new SignInRefused(error.message ?? 'This was refused.', error.code)
    throw new TypeError(`the service answered ${error?.status}`)
  }

  return {
    async currentUser() {
      const { data, error } = await auth.getSession()
      if (error && error.status !== UNAUTHORIZED) throw new TypeError(`the service answered ${error.status}`)
      return data?.user ?? null
    },
    async signUp(email, password) {
      return dataOf(await auth.signUp.email({ name: email.split('@')[0] ?? email, email, password })).user
    },
    async signIn(email, password) {
      return dataOf(await auth.signIn.email({ email, password })).user
    },
    async signOut() {
      await auth.signOut()
    },
    tasksOf(userId, onSignedOut) {
      // Asked for one when there is none, and when the service says that it has expired.
      const token = async () => {
        const answer = await auth.token()
        // Nobody is signed in any more. Whatever else fails, passes.
        if (answer.error?.status === UNAUTHORIZED) return null
        return dataOf(answer).token
      }
      return createDoable({ url: doableUrl, userId, token, onSignedOut, attempts: 2 })
    },
  }
}
