import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readProjectFile } from '../docs/page.ts'
import { boot, type Target } from '../kit/boot.ts'
import { createAuthority } from '../kit/certificates.ts'
import { freePort } from '../kit/postgres-server.ts'
import { type Network, startProxy } from '../kit/proxy.ts'
import { until } from '../kit/until.ts'
import { run } from './programs.ts'

setDefaultTimeout(120_000)

const NGINX = '/usr/sbin/nginx'
const RATE_LIMIT = 100

let folder: string
let target: Target
/** Between nginx and Doable, to count connections. */
let network: Network
let nginx: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
let errors = ''
let ca: string
let plain: string
let url: string

/** What nginx has said. From 1.25.1 it warns of the one spelling of HTTP/2 that 1.22 knows, too. */
const complaints = (text: string) =>
  text.split('\n').filter((line) => line !== '' && !line.includes('"listen ... http2" directive is deprecated'))

/** A request through nginx. With `user`, by that user's token. */
async function ask(
  method: string,
  path: string,
  { user, body, ...init }: { user?: string; body?: string } & RequestInit = {},
) {
  const headers = new Headers(init.headers)
  if (user !== undefined) headers.set('authorization', `Bearer ${await target.tokens.sign(user, 3600)}`)
  if (body !== undefined) headers.set('content-type', 'application/json')
  return fetch(url + path, { ...init, method, headers, tls: { ca }, ...(body !== undefined && { body }) })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doable-nginx-'))
  // nginx's workers are another user.
  await chmod(folder, 0o755)
  target = await boot('embedded', {
    ACCOUNTS: 'on',
    TRUSTED_PROXIES: '127.0.0.1',
    RATE_LIMIT: String(RATE_LIMIT),
  })
  network = await startProxy({ port: Number(new URL(target.url).port) })
  const authority = await createAuthority('nginx')
  const { certificate, key } = await authority.issue({ ip: ['127.0.0.1'] })
  ca = authority.certificate
  await writeFile(join(folder, 'fullchain.pem'), certificate)
  await writeFile(join(folder, 'privkey.pem'), key)
  const [plainPort, tlsPort] = [freePort(), freePort()]
  plain = `http://127.0.0.1:${plainPort}`
  url = `https://127.0.0.1:${tlsPort}`

  const text = (await readProjectFile('deploy/nginx.conf'))
    .replace('server 127.0.0.1:8000;', `server 127.0.0.1:${network.port};`)
    .replace('listen 80;', `listen 127.0.0.1:${plainPort};`)
    .replace('listen 443 ssl', `listen 127.0.0.1:${tlsPort} ssl`)
    .replaceAll('/etc/ssl/doable/', `${folder}/`)
  await writeFile(join(folder, 'doable.conf'), text)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  // As Debian's nginx.conf has it around conf.d, with every path in our folder.
  const around = [
    `pid ${folder}/pid;`,
    'error_log stderr;',
    'events {}',
    `http { access_log off; ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}`,
    'include /etc/nginx/mime.types; default_type application/octet-stream; gzip on;',
    `include ${folder}/doable.conf; }`,
  ]
  await writeFile(join(folder, 'nginx.conf'), `${around.join('\n')}\n`)
  const check = await run([NGINX, '-t', '-q', '-c', join(folder, 'nginx.conf')])
  expect({ ...check, err: complaints(check.err) }).toEqual({ code: 0, out: '', err: [] })
  nginx = Bun.spawn([NGINX, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;'], { stdout: 'pipe', stderr: 'pipe' })
  void (async () => {
    for await (const chunk of nginx.stderr) errors += Buffer.from(chunk).toString()
  })()
  await until('nginx answers', () =>
    ask('GET', '/health').then(
      ({ status }) => status === 200,
      () => false,
    ),
  )
})
afterAll(async () => {
  nginx.kill('SIGTERM')
  await nginx.exited
  await network.close()
  await target.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a request comes through with its answer, by connections that are kept', async () => {
  const before = network.count.taken
  for (let i = 0; i < 20; i++) {
    const answer = await ask('POST', '/api/alice/tasks', { user: 'alice', body: `{"title":"Number ${i}"}` })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/)
  }
  // nginx has several processes, and each keeps its own.
  expect(network.count.taken - before).toBeLessThan(10)
})

test('plain HTTP is led to HTTPS, and keeps its method', async () => {
  const answer = await fetch(`${plain}/api/alice/tasks?limit=1`, { method: 'POST', redirect: 'manual' })
  expect([answer.status, answer.headers.get('location')]).toEqual([308, 'https://127.0.0.1/api/alice/tasks?limit=1'])
})

test('the cookies of accounts are Secure, and the own page may use them', async () => {
  const body = JSON.stringify({ name: 'Ada', email: 'ada@example.com', password: 'a long enough password' })
  const answer = await ask('POST', '/api/auth/sign-up/email', { body, headers: { origin: url } })
  expect(answer.status).toBe(200)
  const cookies = answer.headers.getSetCookie()
  expect(cookies.length).toBeGreaterThan(0)
  for (const cookie of cookies) expect(cookie).toContain('; Secure')
  const cookie = cookies.map((line) => line.split(';')[0]).join('; ')
  expect((await ask('POST', '/api/auth/sign-out', { body: '{}', headers: { origin: url, cookie } })).status).toBe(200)
})

test.each([2, 20])('an import of %i MiB comes through', async (mebibytes) => {
  const description = 'x'.repeat(10_000)
  const count = Math.ceil((mebibytes * 2 ** 20) / description.length)
  const tasks = Array.from({ length: count }, (_, i) => ({ title: `Number ${i}`, description }))
  const answer = await ask('POST', '/api/bob/import?dry_run=true', { user: 'bob', body: JSON.stringify(tasks) })
  expect(answer.status).toBe(200)
})

test('any other body above 1 MiB is refused by Doable itself, in its own words', async () => {
  const body = JSON.stringify({ title: 'x'.repeat(2 ** 20) })
  const answer = await ask('POST', '/api/alice/tasks', { user: 'alice', body })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([413, 'application/problem+json'])
})

test('browsers get HTTP/2, which does not count event streams against six connections', async () => {
  await writeFile(join(folder, 'ca.pem'), ca)
  const curl = [
    'curl',
    '-s',
    '--cacert',
    join(folder, 'ca.pem'),
    '-o',
    '/dev/null',
    '-w',
    '%{http_version} %{http_code}',
  ]
  expect(await run([...curl, `${url}/health`])).toMatchObject({ out: '2 200' })
})

test('an event arrives while its stream is still open', async () => {
  const stream = await ask('GET', '/api/carol/events', { user: 'carol' })
  expect(stream.status).toBe(200)
  const reader = stream.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  const read = (async () => {
    while (!text.includes('"Seen at once"')) {
      const part = await reader?.read()
      if (part === undefined || part.done) throw new Error('the stream ended')
      text += decoder.decode(part.value, { stream: true })
    }
  })()
  await ask('POST', '/api/carol/tasks', { user: 'carol', body: '{"title":"Seen at once"}' })
  await Promise.race([read, Bun.sleep(5000).then(() => Promise.reject(new Error('nothing within 5 s')))])
  await reader?.cancel()
})

test('callers are told apart by their own addresses, not by what they write into X-Forwarded-For', async () => {
  const strangers = Array.from({ length: RATE_LIMIT + 1 }, (_, i) =>
    ask('GET', '/api/alice/tasks', { headers: { 'x-forwarded-for': `192.0.2.${i}` } }),
  )
  const statuses = (await Promise.all(strangers)).map(({ status }) => status)
  expect(statuses).toContain(429)
  await writeFile(join(folder, 'ca.pem'), ca)
  const curl = ['curl', '-s', '--cacert', join(folder, 'ca.pem'), '-o', '/dev/null', '-w', '%{http_code}']
  expect(await run([...curl, '--interface', '127.0.0.2', `${url}/api/alice/tasks`])).toMatchObject({ out: '401' })
  expect(complaints(errors)).toEqual([])
})
