import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionTarget, readDatabaseUrl } from '../../src/db/postgres/address.ts'

const neon = 'ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech'

describe('what an address says is what is dialled', () => {
  const rows: [string, Partial<ConnectionTarget>][] = [
    [
      `postgresql://neondb_owner:npg_aB3%24x@${neon}/neondb?sslmode=require&channel_binding=require`,
      { host: neon, port: 5432, database: 'neondb', user: 'neondb_owner', password: 'npg_aB3$x', parameters: {} },
    ],
    [
      `postgres://u:p@${neon.replace('-pooler', '')}/neondb?sslmode=require&options=endpoint%3Dep-cool-darkness-123456`,
      { parameters: { options: 'endpoint=ep-cool-darkness-123456' } },
    ],
    [
      'postgres://u:p@h/db?pgbouncer=true&schema=public&connection_limit=5&pool_timeout=0&application_name=web',
      { parameters: { application_name: 'web' } },
    ],
    [
      'postgres://us%40er:p%40s%2Fs%3A%23%3F%25%20w%C3%B6rd@h/d%20b',
      { user: 'us@er', password: 'p@s/s:#?% wörd', database: 'd b' },
    ],
    ['postgres://u:p@ss@h/db', { password: 'p@ss', host: 'h' }],
    ['postgres://u@h', { database: 'u', password: '', port: 5432 }],
    ['postgres://u:p@[2001:db8::1]:6543/db', { host: '2001:db8::1', port: 6543 }],
    ['postgres://u:p@db:6543/db', { host: 'db', port: 6543, path: undefined }],
    ['postgres://u@%2Fvar%2Frun%2Fpostgresql/db', { path: '/var/run/postgresql/.s.PGSQL.5432', tls: false }],
    [
      'postgres://u:p@/db?host=/tmp/my%20run&port=5433',
      { path: '/tmp/my run/.s.PGSQL.5433', database: 'db', user: 'u' },
    ],
    ['postgres:///db?host=/tmp&user=u&password=p', { path: '/tmp/.s.PGSQL.5432', user: 'u', password: 'p' }],
  ]
  for (const [url, expected] of rows)
    test(url, async () => {
      expect(await readDatabaseUrl(url)).toMatchObject(expected)
    })
})

describe('TLS is verified, unless the address or the nearness of the host says otherwise', () => {
  const verified = 'verified'
  const rows: [string, string][] = [
    [`${neon}/db`, verified],
    ['db.example.com/db', verified],
    ['203.0.113.7/db', verified],
    ['[2001:db8::1]/db', verified],
    ['172.32.0.1/db', verified],
    ['127.0.0.1/db', 'plain'],
    ['localhost/db', 'plain'],
    ['[::1]/db', 'plain'],
    ['[fd12:3456::1]/db', 'plain'],
    ['10.1.2.3/db', 'plain'],
    ['172.16.0.9/db', 'plain'],
    ['192.168.1.1/db', 'plain'],
    ['postgres/db', 'plain'],
    ['db.shop.svc.cluster.local/db', 'plain'],
    ['doable-db.internal/db', 'plain'],
    ['db.example.com/db?sslmode=disable', 'plain'],
    ['db.example.com/db?sslmode=prefer', 'prefer'],
    ['db.example.com/db?sslmode=allow', 'prefer'],
    ['db.example.com/db?sslmode=no-verify', 'unverified'],
    ['localhost/db?sslmode=require', verified],
    ['localhost/db?ssl=true', verified],
    ['localhost/db?sslmode=verify-ca', verified],
    ['localhost/db?sslmode=verify-full&sslrootcert=system', verified],
  ]
  for (const [rest, expected] of rows)
    test(`${rest} → ${expected}`, async () => {
      const { tls } = await readDatabaseUrl(`postgres://u:p@${rest}`)
      const found =
        tls === false ? 'plain' : tls === 'prefer' ? 'prefer' : tls.rejectUnauthorized ? verified : 'unverified'
      expect(found).toBe(expected)
    })

  test('the authority in sslrootcert is the one that is trusted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'doable address '))
    const file = join(folder, 'ca.pem')
    await Bun.write(file, 'a certificate')
    const { tls } = await readDatabaseUrl(
      `postgres://u:p@h/db?sslmode=verify-full&sslrootcert=${encodeURIComponent(file)}`,
    )
    expect(tls).toMatchObject({ ca: 'a certificate', rejectUnauthorized: true, servername: 'h' })
    await rm(folder, { recursive: true })
  })
})

describe('a fault is named, and the password is never part of the message', () => {
  const rows: [string, RegExp][] = [
    ['postgres://u:hunter2/x@h/db', /percent-encoded/],
    ['postgres://u:hunter2#x@h/db', /percent-encoded/],
    ['postgres://u:hunter2@h:port/db', /must look like/],
    ['postgres://u:hunter2@h:99999/db', /must look like/],
    ['postgres://u:hunter2@h/db?port=abc', /port must be a number/],
    ['postgres://u:hunter2%zz@h/db', /the password holds a %/],
    ['postgres://:hunter2@h/db', /must name a user/],
    ['postgres://u:hunter2@/db', /must name one host/],
    ['postgres://u:hunter2@h/db?host=a,b', /must name one host/],
    ['postgres://u:hunter2@h/db?sslmode=hunter3', /sslmode must be one of/],
    ['postgres://u:hunter2@h/db?sslmode=require&sslrootcert=/nowhere/ca.pem', /\/nowhere\/ca\.pem cannot be read/],
    ['mysql://u:hunter2@h/db', /postgres:\/\//],
  ]
  for (const [url, expected] of rows)
    test(url, async () => {
      const error = await readDatabaseUrl(url).then(
        () => undefined,
        (reason: Error) => reason,
      )
      expect(error?.message).toMatch(expected)
      expect(Bun.inspect(error)).not.toContain('hunter')
    })
})
