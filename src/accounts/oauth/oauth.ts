import { Elysia } from 'elysia'
import type { Logger } from 'pino'
import type { Gate } from '../../auth/user.ts'
import type { Db } from '../../db/database.ts'
import type { Accounts } from '../accounts.ts'
import { accessRoutes } from './access.ts'
import { createAsk } from './ask.ts'
import { createConsents } from './consents.ts'
import { accountPages } from './pages.ts'
import { oauthRoutes } from './routes.ts'

/**
 * OAuth for programs: its endpoints, the pages on which people let programs in, and what has access. Better
 * Auth's provider is loaded by the first program that asks.
 */
export function oauth({ accounts, gate, db, log }: { accounts: Accounts; gate: Gate; db: Db; log: Logger }) {
  const ask = createAsk(accounts, gate.limits)
  const consents = createConsents(db)
  return new Elysia({ name: 'oauth' })
    .use(oauthRoutes(ask, gate.limits, db, accounts.isCurrent))
    .use(accountPages(ask, consents, log, gate.tokens.end))
    .use(accessRoutes(gate, consents, gate.tokens.end))
}
