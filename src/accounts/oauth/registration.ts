import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { and, count, eq, isNull, lt, notExists, sql } from 'drizzle-orm'
import type { Db } from '../../db/database.ts'
import { oauthClients, oauthConsents } from '../../db/oauth-schema.ts'
import { Problem } from '../../problem.ts'

/** Bytes of a registration, at most. */
export const MAX_REGISTRATION = 8 * 1024

/** Clients that nobody has let in yet, at most: anyone may register one. */
const MAX_WAITING = 1000

/** How long a client may wait to be let in, in seconds, before its registration is forgotten. */
const WAITING_S = 24 * 60 * 60

const text = Type.String({ minLength: 1, maxLength: 512 })

/**
 * What is read of a client's metadata (RFC 7591, 2). The rest is ignored, as the standard has it: addresses that
 * the service would have to call, for instance.
 */
const Metadata = Type.Object({
  redirect_uris: Type.Array(text, { minItems: 1, maxItems: 10 }),
  client_name: Type.Optional(text),
  client_uri: Type.Optional(text),
  scope: Type.Optional(Type.String({ maxLength: 512 })),
  grant_types: Type.Optional(
    Type.Array(Type.Union([Type.Literal('authorization_code'), Type.Literal('refresh_token')]), {
      minItems: 1,
      maxItems: 2,
    }),
  ),
  response_types: Type.Optional(Type.Array(Type.Literal('code'), { maxItems: 1 })),
  token_endpoint_auth_method: Type.Optional(
    Type.Union([Type.Literal('none'), Type.Literal('client_secret_basic'), Type.Literal('client_secret_post')]),
  ),
  application_type: Type.Optional(Type.Union([Type.Literal('web'), Type.Literal('native')])),
  software_id: Type.Optional(text),
  software_version: Type.Optional(text),
})
export type Metadata = Static<typeof Metadata>

/** What JSON makes of characters that the tables cannot store. */
const UNSTORABLE = /\\u(0000|d[89a-f])/i

/**
 * The metadata as it is to be registered, or the name of the fault (RFC 7591, 3.2.2).
 *
 * Without `application_type`, addresses on the client's own machine make it `native`; the provider would take
 * every client for a web site and refuse them.
 */
export function readMetadata(body: string): Metadata | 'invalid_client_metadata' | 'invalid_redirect_uri' {
  let sent: unknown
  try {
    sent = JSON.parse(body)
  } catch {
    return 'invalid_client_metadata'
  }
  if (UNSTORABLE.test(JSON.stringify(sent))) return 'invalid_client_metadata'
  if (!Value.Check(Type.Pick(Metadata, ['redirect_uris']), sent)) return 'invalid_redirect_uri'
  if (!Value.Check(Metadata, sent)) return 'invalid_client_metadata'
  const metadata = Object.fromEntries(Object.entries(sent).filter(([name]) => name in Metadata.properties)) as Metadata
  const isWeb = metadata.redirect_uris.every((uri) => uri.startsWith('https://'))
  return {
    ...metadata,
    application_type: metadata.application_type ?? (isWeb ? 'web' : 'native'),
    grant_types: metadata.grant_types ?? ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? 'none',
  }
}

const isWaiting = (db: Db) =>
  and(
    isNull(oauthClients.userId),
    notExists(db.select({ one: sql`1` }).from(oauthConsents).where(eq(oauthConsents.clientId, oauthClients.clientId))),
  )

/** Refuses a registration while too many clients wait to be let in. */
export function createWaitingRoom(db: Db): () => Promise<void> {
  const tally = db.select({ waiting: count() }).from(oauthClients).where(isWaiting(db)).prepare('count_oauth_clients')
  return async () => {
    const [row] = await tally.execute()
    if ((row?.waiting ?? 0) >= MAX_WAITING)
      throw new Problem('rate-limited', 'Too many programs have registered. Please wait a little.', {
        headers: { 'retry-after': '3600' },
      })
  }
}

/** Forgets registrations that nobody has let in within a day, or whose access was taken away. */
export async function forgetClients(db: Db): Promise<void> {
  const old = lt(oauthClients.createdAt, sql`now() - make_interval(secs => ${sql.raw(String(WAITING_S))})`)
  await db.delete(oauthClients).where(and(old, isWaiting(db)))
}
