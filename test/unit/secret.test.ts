import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isWeakSecret, keptSecret } from '../../src/auth/secret.ts'

describe('a secret that others know or can guess is weak', () => {
  test.each([
    'better-auth-secret-12345678901234567890',
    'BETTER-AUTH-SECRET-12345678901234567890',
    'a-string-secret-at-least-256-bits-long',
    '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
    'abcdefghijklmnopqrstuvwxyz123456',
    'change-me-change-me-change-me-please',
    'CHANGEME_uQ7xT2vN9kL4pR8sW1yZ6bD3',
    'please_change_this_uQ7xT2vN9kL4pR8',
    'replace-with-a-random-32-char-string',
    'your-256-bit-key-goes-in-here-please',
    'YourSuperLongJwtKeyThatNobodyKnows1',
    'super-secret-jwt-token-with-at-least-32-characters-long',
    'my-32-character-ultra-secure-and-ultra-long-secret',
    'the_secret_key_for_the_development_env',
    'secret_Zx8kQ2mN5vB7cL9pW3rT6yH1jF4dS0g',
    '<paste the output of openssl rand here>',
    'generate-one-with-openssl-rand-base64',
    'password1234567890password0987654321',
    'placeholder-placeholder-placeholder-1',
    'this-is-only-an-example-of-what-goes-here',
    'Zx8kQ2mN5vxxxxxxxxB7cL9pW3rT6yH1jF4d',
    'Zx8kQ2mN5vB7cL9pW3rT6yH1jF4dS0g...',
    '00000000000000000000000000000000',
    'aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbcccccccc',
    'abababababababababababababababababab',
    '12345678901234567890123456789012',
    'qwertyuiopqwertyuiopqwertyuiopqwertyu',
    'Tr0ub4dor&3zTr0ub4dor&3zTr0ub4dor&3z',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
  ])('%s', (secret) => {
    expect(isWeakSecret(secret)).toBe(true)
  })
})

describe('an honest secret is let through', () => {
  const bytes = (count: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(count)))
  const digits = () => Array.from(bytes(40), (byte) => byte % 10).join('')

  // The chance that a random one is refused is below one in a million each.
  test.each([
    ['32 digits of hex', () => bytes(16).toString('hex')],
    ['64 digits of hex', () => bytes(32).toString('hex')],
    ['base64', () => bytes(32).toString('base64')],
    ['base64url', () => bytes(32).toString('base64url')],
    ['decimal digits', digits],
    ['a passphrase', () => 'correct horse battery staple oxide lamp'],
  ])('%s', (_, make) => {
    for (let i = 0; i < 1000; i++) expect(isWeakSecret(make())).toBe(false)
  })
})

describe('the generated secret', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'doable-secret-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))
  const path = () => join(dir, 'secret')
  const mode = async () => (await stat(path())).mode & 0o777

  test('has 256 random bits, and is readable by its owner alone', async () => {
    const secret = await keptSecret(dir)
    expect(Buffer.from(secret, 'base64url').length).toBe(32)
    expect(isWeakSecret(secret)).toBe(false)
    expect(await mode()).toBe(0o600)
    expect(await readdir(dir)).toEqual(['secret'])
  })

  test('is kept across starts', async () => {
    expect(await keptSecret(dir)).toBe(await keptSecret(dir))
  })

  test('is another one in another directory', async () => {
    expect(await keptSecret(dir)).not.toBe(await keptSecret(join(dir, 'other')))
  })

  test('makes its directory, closed to others', async () => {
    const deep = join(dir, 'not', 'there')
    await keptSecret(deep)
    expect((await stat(deep)).mode & 0o777).toBe(0o700)
  })

  test('is one and the same for all who start at once', async () => {
    const secrets = await Promise.all(Array.from({ length: 20 }, () => keptSecret(dir)))
    expect(new Set(secrets).size).toBe(1)
    expect(await readdir(dir)).toEqual(['secret'])
  })

  test('is closed to others again when someone has opened it', async () => {
    await keptSecret(dir)
    await chmod(path(), 0o644)
    await keptSecret(dir)
    expect(await mode()).toBe(0o600)
  })

  test('is not replaced when it is damaged: tokens would silently stop working', async () => {
    await writeFile(path(), 'short\n')
    await expect(keptSecret(dir)).rejects.toThrow(/damaged/)
    expect(await readFile(path(), 'utf8')).toBe('short\n')
  })

  test('is not looked for elsewhere when it cannot be read', async () => {
    await rm(dir, { recursive: true })
    await writeFile(dir, '')
    await expect(keptSecret(dir)).rejects.toThrow(/cannot be read/)
  })
})
