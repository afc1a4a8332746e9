import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Published in documentation and samples, so known to everyone. Compared in lower case. */
const WELL_KNOWN = [
  'better-auth-secret-12345678901234567890',
  'better-auth-secret-123456789012345678901234567890',
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  'abcdefghijklmnopqrstuvwxyz123456',
  'abcdefghijklmnopqrstuvwxyz012345',
  '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
]

/** Words of secrets that someone was meant to replace. */
const PLACEHOLDER =
  /change.?(me|this|it)|replace.?(me|this|with)|placeholder|example|your.?(own|super|better|jwt|key|\d+.?bit)|secret|at.?least|32.?char|(paste|put|insert).*here|^generate|password|x{6}|<|>|\.\.\./i

/** Whether a secret of sufficient length is one that others know or can guess. */
export function isWeakSecret(secret: string): boolean {
  if (WELL_KNOWN.includes(secret.toLowerCase()) || PLACEHOLDER.test(secret)) return true
  // Repetition and a run along the alphabet have almost no entropy. Few distinct characters alone
  // prove nothing: of random secrets in hex, one in eight thousand has fewer than ten.
  if (new Set(secret).size < 6 || isRepeated(secret)) return true
  const steps = [...secret].filter((_, i) => i > 0 && secret.charCodeAt(i) - secret.charCodeAt(i - 1) === 1).length
  return steps > secret.length / 2
}

/** Whether a secret is a shorter one over and over, the last time perhaps cut off. */
function isRepeated(secret: string): boolean {
  for (let period = 1; period <= secret.length / 2; period++) if (secret.startsWith(secret.slice(period))) return true
  return false
}

/** 256 random bits as text. */
export function newSecret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
}

/**
 * The secret of an embedded database that was given none: 256 random bits, made once
 * and kept in `dataDir` with mode 0600. Of two first starts at once, both use the secret that was linked first.
 */
export async function keptSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, 'secret')
  const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new Error(`the generated secret ${path} cannot be read: ${error.message}`, { cause: error })
  })
  if (kept !== undefined) {
    if (kept.trim().length < 32) throw new Error(`the generated secret ${path} is damaged: delete it to have a new one`)
    await chmod(path, 0o600)
    return kept.trim()
  }
  const fresh = newSecret()
  // A process id would not do: containers that share a volume may all be process 1.
  const half = `${path}.${crypto.randomUUID()}`
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(half, `${fresh}\n`, { mode: 0o600 })
  // Unlike a rename, a link does not replace the secret that another process has just put there.
  await link(half, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(half)
  return (await readFile(path, 'utf8')).trim()
}
