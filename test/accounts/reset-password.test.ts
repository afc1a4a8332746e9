import { expect, setDefaultTimeout, test } from 'bun:test'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { newPerson } from '../kit/person.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { newPlace } from '../kit/program.ts'
import { send } from '../kit/send.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

const NEW_PASSWORD = 'staple battery horse correct'

/** Sets a password by the page that a link leads to; the status. */
async function useLink(link: string): Promise<number> {
  const token = new URL(link).searchParams.get('token') ?? ''
  const form = new URLSearchParams({ token, password: NEW_PASSWORD, again: NEW_PASSWORD })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return (await fetch(link, { method: 'POST', headers, body: form.toString() })).status
}

test('beside a running service on the embedded database, the link leads there and works once', async () => {
  await using place = await newPlace()
  const service = await place.serve()
  const ada = newPerson(service.url, 'Ada@Example.com')
  expect((await ada.signUp()).error).toBeNull()
  // Whoever cannot read the database cannot ask for links, either.
  expect((await stat(join(place.dir, 'data', 'control'))).mode & 0o777).toBe(0o600)

  const { code, stdout, stderr } = await place.run(['reset-password', 'ada@EXAMPLE.com'])
  expect([code, stderr]).toEqual([0, 'The link works once, and for an hour.\n'])
  expect(stdout).toMatch(new RegExp(`^${service.url}/reset-password\\?token=\\w+\n$`))
  expect(await useLink(stdout.trim())).toBe(200)
  expect(await useLink(stdout.trim())).toBe(400)
  expect((await ada.client.getSession()).data).toBeNull()
  expect((await ada.signIn(NEW_PASSWORD)).error).toBeNull()

  const unknown = await place.run(['reset-password', 'nobody@example.com'])
  expect([unknown.code, unknown.stdout, unknown.stderr]).toEqual([
    1,
    '',
    'doable: no account has this e-mail address\n',
  ])
  expect(await service.end()).toBe(0)
  expect(await Bun.file(join(place.dir, 'data', 'control')).exists()).toBe(false)
})

test('while the embedded service is stopped or was killed, the link is made all the same, and works at the next start', async () => {
  await using place = await newPlace()
  const first = await place.serve()
  const ada = newPerson(first.url)
  await ada.signUp()
  // Leaves its socket behind.
  await first.end('SIGKILL')
  const env = { PUBLIC_URL: 'https://todo.example.com/' }
  const { code, stdout, stderr } = await place.run(['reset-password', ada.email], env)
  expect([code, stderr]).toEqual([0, 'The link works once, and for an hour.\n'])
  expect(stdout).toStartWith('https://todo.example.com/reset-password?token=')
  const second = await place.serve()
  expect(await useLink(stdout.trim().replace('https://todo.example.com', second.url))).toBe(200)
  const beside = await place.run(['reset-password', ada.email])
  expect(beside.stdout).toStartWith(`${second.url}/reset-password?token=`)
})

test('over PostgreSQL it works beside the service, and needs no secret', async () => {
  await using place = await newPlace()
  const DATABASE_URL = await newDatabase()
  const service = await place.serve({ DATABASE_URL, BETTER_AUTH_SECRET: SECRET })
  const ada = newPerson(service.url)
  await ada.signUp()
  const { code, stdout } = await place.run(['reset-password', ada.email], { DATABASE_URL, PORT: '8123' })
  expect(code).toBe(0)
  expect(stdout).toStartWith('http://localhost:8123/reset-password?token=')
  expect(await useLink(stdout.trim().replace('http://localhost:8123', service.url))).toBe(200)
  expect((await ada.signIn(NEW_PASSWORD)).error).toBeNull()
  const old = await send(service.url, 'POST', '/api/auth/reset-password', { token: 'x', newPassword: NEW_PASSWORD })
  expect(old.status).toBe(400)
})

test.each([
  ['no address', ['reset-password']],
  ['what is no address', ['reset-password', 'ada']],
  ['two addresses', ['reset-password', 'ada@example.com', 'bob@example.com']],
])('%s is a wrong command line', async (_, args) => {
  await using place = await newPlace()
  const { code, stderr } = await place.run(args)
  expect(code).toBe(2)
  expect(stderr).toContain('Usage: doable')
})

test('where others issue the tokens, it says so, and makes no database', async () => {
  await using place = await newPlace()
  const { code, stderr } = await place.run(['reset-password', 'ada@example.com'], { ACCOUNTS: 'off' })
  expect(code).toBe(1)
  expect(stderr).toContain('there are no accounts here')
  expect(await Bun.file(join(place.dir, 'data', 'lock')).exists()).toBe(false)
})

test('a data directory of too long a path is served all the same, and the log says what is missing', async () => {
  await using place = await newPlace()
  const DATA_DIR = join(place.dir, 'd'.repeat(100))
  const service = await place.serve({ DATA_DIR })
  expect(service.output.stdout).toContain('no socket for reset-password')
  const { code, stderr } = await place.run(['reset-password', 'ada@example.com'], { DATA_DIR })
  expect(code).toBe(1)
  expect(stderr).toMatch(/the embedded database is in use, and its service does not answer .*Stop it, and try again/)
})
