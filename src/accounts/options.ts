import type { Logger } from 'pino'
import type { Db } from '../db/database.ts'
import type { Post } from './mail/post.ts'
import type { Secrets } from './versions.ts'

/** What the accounts need of the service. */
export interface AccountOptions {
  db: Db
  /** The first signs cookies and encrypts private keys; what the others signed goes on counting. */
  secrets: Secrets
  issuer: string
  audience: string
  corsOrigins: readonly string[]
  log: Logger
  /** Undefined: no mails are sent. */
  post?: Post | undefined
  /** The address under which browsers reach Doable, without a slash at the end. */
  publicUrl(): string
  /** Erases an account and everything of its user. */
  erase(user: string): Promise<void>
}
