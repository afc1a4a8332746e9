import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { createTokens, type TokenOptions, type Tokens } from '../../src/auth/token.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { startService } from '../../src/serve.ts'
import { type PostgresServer, startPostgresServer } from './postgres-server.ts'

/** For tests only; random enough to be let through. */
export const SECRET = 'k3Vq8ZtPw1Xy6Rb0Nf4Hs9Ld2Mj7Gc5Ta'

/** A running Doable, met from outside. */
export interface Target {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly tokens: Tokens
  /** The address of its PostgreSQL; undefined over the embedded database. */
  readonly databaseUrl: string | undefined
  /** A request by `user` (none: without a token). An object as body is sent as JSON. */
  request(
    user: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response>
  stop(): Promise<void>
}

export const databases = ['embedded', 'postgres'] as const
export type DatabaseKind = (typeof databases)[number]

/** Where `DOABLE_BINARY` names the compiled program, the suites meet that instead of the source. */
const binary = process.env['DOABLE_BINARY']

const running = new Set<() => Promise<void>>()
let server: Promise<PostgresServer> | undefined

/** The PostgreSQL of this run: `TEST_DATABASE_URL`, or one that is started for it. */
export async function postgresUrl(): Promise<string> {
  if (process.env['TEST_DATABASE_URL']) return process.env['TEST_DATABASE_URL']
  server ??= startPostgresServer()
  return (await server).url()
}

/** The address of a new, empty database. */
export async function newDatabase(): Promise<string> {
  const name = `doable_${crypto.randomUUID().replaceAll('-', '')}`
  const url = new URL(await postgresUrl())
  const admin = postgres(url.href, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${name}`)
  await admin.end()
  url.pathname = `/${name}`
  return url.href
}

/** Starts Doable over a fresh database of the given kind. */
export async function boot(kind: DatabaseKind, env: Record<string, string> = {}): Promise<Target> {
  const dataDir = await mkdtemp(join(tmpdir(), 'doable-test-'))
  const databaseUrl = kind === 'postgres' ? (env['DATABASE_URL'] ?? (await newDatabase())) : undefined
  const full = {
    PORT: '0',
    LOG_LEVEL: 'silent',
    // All tests come from one address.
    RATE_LIMIT: '0',
    BETTER_AUTH_SECRET: SECRET,
    DATA_DIR: dataDir,
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...env,
  }
  const { url, stop } = binary === undefined ? await startHere(full) : await startBinary(binary, full, dataDir)
  const config = readConfig(full)
  const tokens = await createTokens({ ...config, secrets: [config.secret ?? SECRET] } satisfies TokenOptions)
  const target: Target = {
    url,
    tokens,
    databaseUrl,
    async request(user, method, path, body, headers = {}) {
      const all = new Headers(headers)
      if (user !== undefined && !all.has('authorization'))
        all.set('authorization', `Bearer ${await tokens.sign(user, 3600)}`)
      const isJson =
        body !== undefined &&
        !(body instanceof ReadableStream || body instanceof Uint8Array || typeof body === 'string')
      if (isJson && !all.has('content-type')) all.set('content-type', 'application/json')
      return fetch(url + path, {
        method,
        headers: all,
        redirect: 'manual',
        ...(body === undefined
          ? {}
          : { body: isJson ? JSON.stringify(body) : (body as string | Uint8Array<ArrayBuffer> | ReadableStream) }),
      })
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

async function startBinary(program: string, env: Record<string, string>, cwd: string) {
  const child = Bun.spawn([resolve(program), 'serve'], {
    cwd,
    env: { ...env, LOG_LEVEL: 'info' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let log = ''
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) log += decoder.decode(chunk, { stream: true })
  }
  const ended = Promise.all([child.exited, read(child.stdout), read(child.stderr)]).then(([status]) => status)
  for (;;) {
    const url = /"url":"([^"]+)"/.exec(log)?.[1]
    if (url !== undefined)
      return {
        url,
        async stop() {
          child.kill('SIGTERM')
          const status = await ended
          if (status !== 0) throw new Error(`${program} ended with ${status}:\n${log}`)
        },
      }
    if ((child.exitCode ?? child.signalCode) !== null)
      throw new Error(`${program} ended with ${await ended} before it listened:\n${log}`)
    await Bun.sleep(10)
  }
}

/** Ends whatever tests have left running. */
export async function stopAll(): Promise<void> {
  try {
    for (const stop of running) await stop()
  } finally {
    await server?.then(({ stop }) => stop())
    server = undefined
  }
}
