import { createAuthClient } from 'better-auth/client'
import { jwtClient } from 'better-auth/client/plugins'

export const PASSWORD = 'correct horse battery staple'

/** Somebody with an account: Better Auth's own client, which keeps the session's token for the `bearer` plugin. */
export function newPerson(url: string, email = `${crypto.randomUUID()}@example.com`) {
  let session = ''
  const client = createAuthClient({
    baseURL: url,
    plugins: [jwtClient()],
    fetchOptions: {
      auth: { type: 'Bearer', token: () => session },
      onSuccess({ response }) {
        session = response.headers.get('set-auth-token') ?? session
      },
    },
  })
  return {
    client,
    email,
    /** The token of the session: opaque. */
    session: () => session,
    signUp: (password = PASSWORD) => client.signUp.email({ name: 'Ada', email, password }),
    signIn: (password = PASSWORD) => client.signIn.email({ email, password }),

    /** A JWT, which all routes but those of accounts take. */
    async token(): Promise<string> {
      const { data, error } = await client.token()
      if (!data) throw new Error(`no token: ${JSON.stringify(error)}`)
      return data.token
    },
  }
}
