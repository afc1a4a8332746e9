import { and, count, desc, eq, lte, sql } from 'drizzle-orm'
import type { JWTPayload } from 'jose'
import { SCOPES } from '../../auth/scope.ts'
import type { Db } from '../../db/database.ts'
import { oauthClients, oauthConsents, oauthRefreshTokens } from '../../db/oauth-schema.ts'

/** Programs that one user may have given access to, at most. */
export const MAX_PROGRAMS = 100

/** Characters of a program's name that are shown, at most. */
const MAX_NAME = 80

/** A program that a user has given access to. */
export interface Program {
  client_id: string
  /** What the program calls itself: proves nothing. */
  name: string
  /** Where codes are sent to, which the program cannot make up: hosts, or schemes of applications. */
  hosts: string[]
  scopes: string[]
  created_at: string
}

const owner = sql.placeholder('owner')
const client = sql.placeholder('client')

/**
 * Whether the user of a token still lets its program in. A token from before the access was given, taken away
 * and given again does not count.
 */
export function createConsentCheck(db: Db): (claims: JWTPayload) => Promise<boolean> {
  const select = db
    .select({ id: oauthConsents.id })
    .from(oauthConsents)
    .where(
      and(
        eq(oauthConsents.userId, owner),
        eq(oauthConsents.clientId, client),
        // `iat` has whole seconds only.
        lte(sql`date_trunc('second', ${oauthConsents.createdAt})`, sql`to_timestamp(${sql.placeholder('issued')})`),
      ),
    )
    .prepare('find_consent')
  return async ({ sub, client_id, iat }) =>
    (await select.execute({ owner: sub, client: client_id, issued: iat })).length > 0
}

/** What has access to a user's tasks: statements with the owner in every WHERE. */
export function createConsents(db: Db) {
  const select = db
    .select({
      client_id: oauthConsents.clientId,
      name: oauthClients.name,
      redirects: oauthClients.redirectUris,
      scopes: oauthConsents.scopes,
      created: oauthConsents.createdAt,
    })
    .from(oauthConsents)
    .innerJoin(oauthClients, eq(oauthClients.clientId, oauthConsents.clientId))
    .where(eq(oauthConsents.userId, owner))
    .orderBy(desc(oauthConsents.createdAt), oauthConsents.id)
    .limit(MAX_PROGRAMS)
    .prepare('list_consents')
  const tally = db
    .select({ others: count() })
    .from(oauthConsents)
    .where(and(eq(oauthConsents.userId, owner), sql`${oauthConsents.clientId} <> ${client}`))
    .prepare('count_consents')
  const remove = db
    .delete(oauthConsents)
    .where(and(eq(oauthConsents.userId, owner), eq(oauthConsents.clientId, client)))
    .returning({ id: oauthConsents.id })
    .prepare('delete_consent')
  const removeTokens = db
    .delete(oauthRefreshTokens)
    .where(and(eq(oauthRefreshTokens.userId, owner), eq(oauthRefreshTokens.clientId, client)))
    .prepare('delete_refresh_tokens')
  const findClient = db
    .select({ name: oauthClients.name, redirects: oauthClients.redirectUris })
    .from(oauthClients)
    .where(eq(oauthClients.clientId, client))
    .prepare('find_oauth_client')

  return {
    /** What has access, the newest first. */
    async list(user: string): Promise<Program[]> {
      const rows = await select.execute({ owner: user })
      return rows.map(({ client_id, name, redirects, scopes, created }) => ({
        client_id,
        name: shown(name),
        hosts: [...new Set(redirects.map(hostOf))],
        scopes: SCOPES.filter((scope) => scopes.includes(scope)),
        created_at: created.toISOString(),
      }))
    },

    /** Whether the user may let in one more program than those they have. */
    async hasRoom(user: string, clientId: string): Promise<boolean> {
      const [row] = await tally.execute({ owner: user, client: clientId })
      return (row?.others ?? 0) < MAX_PROGRAMS
    },

    /**
     * Takes the access away. Access tokens end by `createConsentCheck`, refresh tokens are gone.
     *
     * @returns whether there was any.
     */
    async revoke(user: string, clientId: string): Promise<boolean> {
      const gone = await remove.execute({ owner: user, client: clientId })
      await removeTokens.execute({ owner: user, client: clientId })
      return gone.length > 0
    },

    /** A registered program, as people are to see it; undefined where there is none. */
    async findClient(clientId: string): Promise<{ name: string; redirects: string[] } | undefined> {
      const [row] = await findClient.execute({ client: clientId })
      return row && { name: shown(row.name), redirects: row.redirects }
    },
  }
}

export type Consents = ReturnType<typeof createConsents>

/** Without what would turn the text around it over, or hide (Unicode categories Cc, Cf, Zl, Zp). */
function shown(name: string | null): string {
  const text = [...(name ?? '').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').trim()]
  return text.length === 0 ? 'A program without a name' : text.slice(0, MAX_NAME).join('')
}

/** Where a redirect leads: a host with its port, or the scheme of an application. */
export function hostOf(redirect: string): string {
  const url = URL.parse(redirect)
  return url === null ? '?' : url.host || url.protocol
}
