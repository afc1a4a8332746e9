import type { Logger } from 'pino'
import { newSecret } from '../auth/secret.ts'
import type { Db } from '../db/database.ts'
import { OWN_PAGES } from './mail/links.ts'
import { resetLink } from './mail/post.ts'

/**
 * A link by which the password of an account can be set once, within an hour: for an operator to
 * hand on. Better Auth makes its token, as it does for a mail.
 *
 * @param publicUrl the address under which browsers reach Doable, without a slash at the end.
 * @returns undefined where no account has the address.
 */
export async function createResetLink(
  db: Db,
  log: Logger,
  publicUrl: string,
  email: string,
): Promise<string | undefined> {
  const { createAuth } = await import('./engine.ts')
  const page = publicUrl + OWN_PAGES.reset
  let link: string | undefined
  const auth = createAuth(
    {
      db,
      log,
      // The token is a row of the database: nothing is signed here.
      secrets: [newSecret()],
      issuer: '',
      audience: '',
      corsOrigins: [],
      publicUrl: () => publicUrl,
      post: {
        resetPassword: (_, token) => {
          link = resetLink(page, token)
        },
        verifyEmail: () => {},
      },
      erase: () => Promise.reject(new Error('no account is deleted here')),
    },
    'https',
  )
  await auth.api.requestPasswordReset({ body: { email, redirectTo: page } })
  return link
}
