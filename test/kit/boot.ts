import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTokens, type TokenOptions, type Tokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { startService } from '../../src/serve.ts'
import { expectDocumented } from './documented.ts'
import { dropDatabases } from './postgres-server.ts'
import { startProgram } from './program.ts'
import { bearer, send } from './send.ts'
import { removeSharedFolder } from './shared-folder.ts'
import { fillDataDir, newMigratedDatabase } from './templates.ts'
import { SECRET } from './tokens.ts'

/** A running Doable, reached over HTTP only. */
export interface Target {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly tokens: Tokens
  /** The address of its PostgreSQL; undefined over the embedded database. */
  readonly databaseUrl: string | undefined
  /** Sends a request with a token of `user`, or without one where `user` is undefined. An object is sent as JSON. */
  request(
    user: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response>
  stop(): Promise<void>
}

const KINDS = ['embedded', 'postgres'] as const
export type DatabaseKind = (typeof KINDS)[number]

/** The databases that suites run over: both, or the one that `TEST_DATABASE` names. */
export const databases = databasesNamed(process.env['TEST_DATABASE'])

/** Both, or the one of this name. @throws Error where there is none. */
export function databasesNamed(name: string | undefined): readonly DatabaseKind[] {
  const named = KINDS.filter((kind) => name === undefined || kind === name)
  if (named.length === 0) throw new Error(`The databases are ${KINDS.join(' and ')}.`)
  return named
}

/** The suites run against this compiled program instead of the source, where it is set. */
const binary = process.env['DOABLE_BINARY']

const running = new Set<() => Promise<void>>()

/** Starts Doable over a fresh database of the given kind. */
export async function boot(kind: DatabaseKind, env: Record<string, string> = {}): Promise<Target> {
  const dataDir = await mkdtemp(join(tmpdir(), 'doable-test-'))
  const databaseUrl = kind === 'postgres' ? (env['DATABASE_URL'] ?? (await newMigratedDatabase())) : undefined
  if (kind === 'embedded' && env['DATA_DIR'] === undefined) await fillDataDir(dataDir)
  const full = {
    PORT: '0',
    SHUTDOWN_DELAY_MS: '0',
    LOG_LEVEL: 'silent',
    // All tests send from one address.
    RATE_LIMIT: '0',
    BETTER_AUTH_SECRET: SECRET,
    DATA_DIR: dataDir,
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...env,
  }
  const { url, stop } = await (binary === undefined ? startHere(full) : startBinary(full, dataDir))
  const config = readConfig(full)
  const tokens = await createTokens({ ...config, secrets: [config.secret ?? SECRET] } satisfies TokenOptions)
  const target: Target = {
    url,
    tokens,
    databaseUrl,
    async request(user, method, path, body, headers = {}) {
      const own = user === undefined ? {} : bearer(await tokens.sign(user, 3600))
      const named = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')
      const response = await send(url, method, path, body, named ? headers : { ...own, ...headers })
      await expectDocumented(method, path, response)
      return response
    },
    async stop() {
      running.delete(target.stop)
      await stop().finally(() => rm(dataDir, { recursive: true, force: true }))
    },
  }
  running.add(target.stop)
  return target
}

async function startHere(env: Record<string, string>) {
  return startService(readConfig(env), createLog(env['LOG_LEVEL'] ?? 'silent'))
}

async function startBinary(env: Record<string, string>, cwd: string) {
  // Its address is read from a log line of level info.
  const program = startProgram(['serve'], { cwd, env: { ...env, LOG_LEVEL: 'info' } })
  return {
    url: await program.url,
    async stop() {
      const status = await program.end()
      if (status !== 0) throw new Error(`it ended with ${status}:\n${program.output.stdout}${program.output.stderr}`)
    },
  }
}

/** Ends what tests have left running, and removes their databases. What they share stays for the next ones. */
export async function tidyUp(): Promise<void> {
  try {
    for (const stop of running) await stop()
  } finally {
    await dropDatabases()
  }
}

/** Ends all that the tests have started: the last act of a script, which would else go on for ever. */
export async function stopAll(): Promise<void> {
  await tidyUp().finally(removeSharedFolder)
}
