import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import type { Db } from '../../src/db/database.ts'
import { openDatabase } from '../../src/db/open.ts'
import type { DatabaseKind } from './boot.ts'
import { newDatabase, openSession } from './postgres-server.ts'
import { SECRET } from './tokens.ts'

/** A database by its settings: one that outlives the service over it, and can be copied while none runs. */
export interface Store {
  /** `DATABASE_URL` or `DATA_DIR`. */
  readonly env: Record<string, string>
  /** What a backup is: all of it, as it is now. Nobody may use it meanwhile. */
  copy(): Promise<Store>
  /** Statements of the test's own. No service may run over the embedded database meanwhile. */
  use<T>(work: (db: Db) => Promise<T>): Promise<T>
  remove(): Promise<void>
}

export async function newStore(kind: DatabaseKind): Promise<Store> {
  return kind === 'postgres' ? postgresAt(await newDatabase()) : embeddedAt(await newFolder())
}

const newFolder = () => mkdtemp(join(tmpdir(), 'doable-store-'))

function embeddedAt(dir: string): Store {
  return {
    ...openedBy({ DATA_DIR: dir }),
    async copy() {
      const to = await newFolder()
      await cp(dir, to, { recursive: true })
      return embeddedAt(to)
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

function postgresAt(url: string): Store {
  return {
    ...openedBy({ DATABASE_URL: url }),
    async copy() {
      const to = await newDatabase()
      const [from, name] = [url, to].map((address) => new URL(address).pathname.slice(1))
      const server = new URL(url)
      server.pathname = '/postgres'
      const admin = openSession(server.href)
      await admin.unsafe(`drop database ${name}`)
      await admin.unsafe(`create database ${name} template ${from}`)
      await admin.end()
      return postgresAt(to)
    },
    // The server goes with the run.
    remove: async () => {},
  }
}

function openedBy(env: Record<string, string>): Pick<Store, 'env' | 'use'> {
  return {
    env,
    async use(work) {
      const { db, close } = await openDatabase(readConfig({ ...env, BETTER_AUTH_SECRET: SECRET }))
      try {
        return await work(db)
      } finally {
        await close()
      }
    },
  }
}
