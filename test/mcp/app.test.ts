import { afterAll, beforeAll, describe, test } from 'bun:test'
import { type App, createApp } from '../../src/app.ts'
import type { Tokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import { findCollation } from '../../src/db/collation.ts'
import { openDatabase } from '../../src/db/open.ts'
import { createLog } from '../../src/log.ts'
import { prepareDatabase } from '../../src/service/prepare.ts'
import { createFeed } from '../../src/sync/feed.ts'
import { databases } from '../kit/boot.ts'
import { connect, versions } from '../kit/mcp.ts'
import { newStore, type Store } from '../kit/store.ts'
import { SECRET, secretTokens } from '../kit/tokens.ts'
import { expectLife } from './life.ts'

describe.each(databases)('an app without a socket, over %s', (kind) => {
  const opened = new AsyncDisposableStack()
  let app: App
  let tokens: Tokens
  beforeAll(async () => {
    const store: Store = await newStore(kind)
    opened.defer(() => store.remove())
    const config = readConfig({ BETTER_AUTH_SECRET: SECRET, RATE_LIMIT: '0', ...store.env })
    const log = createLog('silent')
    const database = await openDatabase(config, async (work) => work, log)
    opened.defer(() => database.close())
    await prepareDatabase(config, database)
    const { db, oneConnection } = database
    tokens = await secretTokens(SECRET)
    app = createApp({
      config,
      db,
      oneConnection,
      collation: await findCollation(db),
      secret: SECRET,
      tokens,
      accounts: undefined,
      feed: createFeed(db, log),
      log,
      metrics: undefined,
      isReady: async () => true,
    })
  })
  afterAll(() => opened.disposeAsync())

  test.each([...versions])('a task lives its whole life by tools of %s', async (version) => {
    const token = await tokens.sign(`ann-${version}`, 3600)
    const handle = (input: string, init?: RequestInit) => app.handle(new Request(input, init))
    const client = await connect('http://localhost', token, { version, fetch: handle as unknown as typeof fetch })
    await expectLife(client)
    await client.close()
  })
})
