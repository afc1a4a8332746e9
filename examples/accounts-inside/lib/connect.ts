import { createAuthClient } from 'better-auth/client'
import { jwtClient } from 'better-auth/client/plugins'
import { createDoable } from 'doable/client'

export interface User {
  id: string
  email: string
}

export interface Places {
  /** Where Better Auth answers `/api/auth/…`. */
  authUrl: string
  doableUrl: string
  /** Another `fetch` for Better Auth's client, where there is no browser to keep its cookie. */
  fetch?: typeof fetch
}

/** Everything that the pages want of the back end. */
export function connect({ authUrl, doableUrl, fetch }: Places) {
  const auth = createAuthClient({
    baseURL: authUrl,
    plugins: [jwtClient()],
    // The session is a cookie of Better Auth's origin.
    fetchOptions: { credentials: 'include', ...(fetch && { customFetchImpl: fetch }) },
  })

  /** Better Auth's client gives errors back; the pages want them thrown. */
  function dataOf<T>({ data, error }: { data: T | null; error: { message?: string | undefined } | null }): T {
    if (data === null) throw new Error(error?.message ?? 'That did not work.')
    return data
  }

  return {
    async currentUser(): Promise<User | null> {
      const { data } = await auth.getSession()
      return data?.user ?? null
    },
    async signUp(email: string, password: string): Promise<User> {
      return dataOf(await auth.signUp.email({ name: email.split('@')[0] ?? email, email, password })).user
    },
    async signIn(email: string, password: string): Promise<User> {
      return dataOf(await auth.signIn.email({ email, password })).user
    },
    async signOut(): Promise<void> {
      await auth.signOut()
    },
    tasksOf(userId: string) {
      // Asked for one when there is none, and when the service says that it has expired.
      const token = async () => dataOf(await auth.token()).token
      return createDoable({ url: doableUrl, userId, token })
    },
  }
}
