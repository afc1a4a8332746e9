import { eq, sql } from 'drizzle-orm'
import { decodeJwt, errors, jwtVerify } from 'jose'
import { MCP_AUDIENCE, MCP_ISSUER } from '../auth/audience.ts'
import { claimChecks, type Issuer, RECHECK_MS } from '../auth/issuer.ts'
import { accounts } from '../db/account-schema.ts'
import type { Db } from '../db/database.ts'
import { causes, Problem } from '../problem.ts'
import { createAccountKeys } from './keys.ts'
import { createConsentCheck } from './oauth/consents.ts'
import type { Secrets } from './versions.ts'

const EDDSA = ['EdDSA']

/**
 * The accounts inside, as an issuer: a token counts while its key is in the table and its
 * account, named by `sub`, exists. A token that a program has got by OAuth counts while its user has not
 * taken the access away, and for `/mcp` alone.
 *
 * @param now the clock by which keys age, in milliseconds.
 */
export function createAccountIssuer(
  db: Db,
  secrets: Secrets,
  parties: { issuer: string; audience: string },
  now: () => number = Date.now,
): Issuer {
  const findKey = createAccountKeys(db, secrets, now)
  const checks = claimChecks(EDDSA, { issuers: [parties.issuer], audiences: [parties.audience] })
  const mcpChecks = {
    ...claimChecks(EDDSA, { issuers: [MCP_ISSUER], audiences: [MCP_AUDIENCE] }),
    requiredClaims: ['exp', 'iat', 'scope', 'client_id'],
    // RFC 9068, 2.1 and 4: no other token is taken for an access token.
    typ: 'at+jwt',
  }
  const hasConsent = createConsentCheck(db)
  const findAccount = db
    .select({ id: accounts.id })
    .from(accounts)
    .where(eq(accounts.id, sql.placeholder('owner')))
    .prepare('find_account')
  return {
    algorithms: EDDSA,
    recheckMs: RECHECK_MS,
    async verify(token, { kid }) {
      const key = await findKey(kid).catch(cannotTell)
      if (!key) return undefined
      // Not verified yet, and good for choosing the checks only.
      const isOAuth = decodeJwt(token).iss === MCP_ISSUER
      const { payload } = await jwtVerify(token, key, isOAuth ? mcpChecks : checks)
      const [account] = await findAccount.execute({ owner: payload.sub }).catch(cannotTell)
      if (!account) throw new errors.JWTInvalid('the account is gone')
      if (isOAuth && !(await hasConsent(payload).catch(cannotTell)))
        throw new errors.JWTInvalid('the access was taken away')
      return payload
    },
  }
}

/** A database that fails says nothing of the token: answered with 503 or 500, never with 401. */
function cannotTell(error: unknown): never {
  throw (
    causes(error).find((cause) => cause instanceof Problem) ??
    new Problem('internal-error', 'Something went wrong on our side. It has been logged.', { cause: error })
  )
}
