import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Waits for the end of its input, which comes when the process that started it is gone, however it went. Then it ends
 * the PostgreSQL servers whose data is in the folder, and removes the folder.
 */
const GUARD = `cat >/dev/null
for file in "$1"/*/data/postmaster.pid; do
  [ -e "$file" ] && kill -QUIT "$(head -n 1 "$file")"
done
for try in 1 2 3 4 5; do rm -rf "$1" && break; sleep 0.2; done`

let shared: { folder: string; guard: ChildProcess } | undefined

/**
 * A folder for what all test files of this process share. It goes with the process: the workers of `bun test --parallel`
 * are ended without a word, after which no hook of theirs could remove it.
 */
export function sharedFolder(): string {
  if (shared === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'doable-shared-'))
    // PostgreSQL runs as another user and must reach its own folder in here.
    chmodSync(folder, 0o711)
    // Of its own process group, so that Ctrl-C does not end it with the tests.
    const guard = spawn('sh', ['-c', GUARD, 'guard', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    shared = { folder, guard }
  }
  return shared.folder
}

/** Removes it, and ends the servers whose data is in it. */
export async function removeSharedFolder(): Promise<void> {
  if (shared === undefined) return
  const { guard } = shared
  shared = undefined
  const gone = new Promise((resolve) => guard.once('close', resolve))
  guard.stdin?.end()
  await gone
}
