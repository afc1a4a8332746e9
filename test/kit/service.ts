import { afterAll, beforeAll, setDefaultTimeout } from 'bun:test'
import { boot, type DatabaseKind, type Target } from './boot.ts'

/** For tests and hooks: on a busy machine a database alone can take longer than the usual 5 s to start. */
const TIMEOUT_MS = 120_000

/** Starts one service for the tests of the enclosing `describe`. They get it from the returned function. */
export function useService(kind: DatabaseKind, env?: Record<string, string>): () => Target {
  setDefaultTimeout(TIMEOUT_MS)
  let target: Target | undefined
  beforeAll(async () => {
    target = await boot(kind, env)
  })
  afterAll(() => target?.stop())
  return () => {
    if (!target) throw new Error('the service runs only while tests do')
    return target
  }
}
