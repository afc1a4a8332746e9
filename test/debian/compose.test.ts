import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { boot } from '../kit/boot.ts'
import { openSession, startPostgresServer } from '../kit/postgres-server.ts'
import { runToEnd } from '../kit/program.ts'
import { findPostgresPrograms, run } from './programs.ts'

setDefaultTimeout(120_000)

test("compose.yaml's role can be made again at each start, needs its password, and serves without more power", async () => {
  const programs = await findPostgresPrograms()
  const access = ['doable trust', 'postgres trust', 'doable_service scram-sha-256']
  const lines = access.map((line) => `host all ${line.replace(' ', ' 127.0.0.1/32 ')}`)
  const server = await startPostgresServer({ programs, files: { 'pg_hba.conf': `${lines.join('\n')}\n` } })
  const urlOf = (user: string, database = 'doable') => server.url(database).replace('//postgres@', `//${user}@`)
  const admin = openSession(server.url())
  // What the database's image does with POSTGRES_USER and POSTGRES_DB.
  await admin`create role doable login superuser`
  await admin`create database doable owner doable`

  for (const password of ['first', 'second']) {
    expect(await runToEnd(['migrate'], { DATABASE_URL: urlOf('doable') })).toMatchObject({ code: 0 })
    const file = join(import.meta.dir, '../../deploy/compose/role.sql')
    const env = { PGUSER: 'doable', PGDATABASE: 'doable', PGHOST: '127.0.0.1', PGPORT: String(server.port) }
    const psql = [join(programs, 'psql'), '--no-psqlrc', '--quiet', '--file', file]
    expect((await run(psql, env)).code).not.toBe(0)
    expect(await run(psql, { ...env, SERVICE_PASSWORD: password })).toEqual({ code: 0, out: '', err: '' })
  }
  expect(await runToEnd(['purge'], { DATABASE_URL: urlOf('doable_service:first') })).toMatchObject({ code: 1 })

  const target = await boot('postgres', { DATABASE_URL: urlOf('doable_service:second') })
  expect((await target.request('alice', 'POST', '/api/alice/tasks', { title: 'Buy milk' })).status).toBe(201)
  await target.stop()
  const service = openSession(urlOf('doable_service:second'))
  await expect(service`drop table doable.tasks`.execute()).rejects.toMatchObject({ code: '42501' })
  const [role] = await service`select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user`
  expect(role).toEqual({ rolsuper: false, rolcreaterole: false, rolcreatedb: false })
  await service.end()
  await admin.end()
  await server.stop()
})
