import { spawn } from 'node:child_process'
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

let folder: string | undefined

/**
 * A folder for what all test files of this process share. It goes with the process: the workers of `bun test --parallel`
 * are ended without a word, after which no hook of theirs could remove it.
 */
export function sharedFolder(): string {
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'doable-shared-'))
    // PostgreSQL runs as another user and must reach its own folder in here.
    chmodSync(folder, 0o711)
    // Of its own process group, so that Ctrl-C does not end it with the tests.
    spawn('sh', ['-c', GUARD, 'guard', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] }).unref()
  }
  return folder
}
