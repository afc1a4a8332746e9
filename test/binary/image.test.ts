import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { version } from '../../package.json'
import { databases } from '../kit/boot.ts'
import { freePort, newDatabase } from '../kit/postgres-server.ts'
import { SECRET } from '../kit/tokens.ts'
import { until, untilRefused } from '../kit/until.ts'
import { layOut, readImage, runImage } from './image.ts'
import { newFolder, run } from './program.ts'

const project = join(import.meta.dir, '../..')
const image = await readImage(join(project, 'Dockerfile'))

test('the image is distroless base, not root, with a health check that needs no shell', () => {
  expect(image).toMatchObject({
    base: 'gcr.io/distroless/base-debian12:nonroot',
    uid: 65532,
    env: { HOST: '0.0.0.0', DATA_DIR: '/data' },
    command: ['/doable', 'serve'],
    healthcheck: ['/doable', 'healthcheck'],
    volumes: ['/data'],
  })
  expect(image.copies.map(({ to }) => to)).toEqual(['/doable', '/data'])
  expect(image.labels).toContain('org.opencontainers.image.licenses="MIT"')
})

test('every place that names a version names this one', async () => {
  const dockerfile = await readFile(join(project, 'Dockerfile'), 'utf8')
  const compose = await readFile(join(project, 'compose.yaml'), 'utf8')
  expect(dockerfile).toContain(`ARG VERSION=${version}\n`)
  expect(dockerfile).toContain(`FROM --platform=$BUILDPLATFORM oven/bun:${Bun.version}-debian AS build`)
  expect(compose).toContain(`image: doable:${version}\n`)
})

test('compose.yaml starts Doable once PostgreSQL is healthy, and not without a secret', async () => {
  const { services } = Bun.YAML.parse(await readFile(join(project, 'compose.yaml'), 'utf8')) as {
    services: Record<'database' | 'doable', Record<string, object | string | boolean>>
  }
  expect(services.database['healthcheck']).toMatchObject({ test: expect.arrayContaining(['pg_isready']) })
  expect(services.database).not.toHaveProperty('ports')
  expect(services.doable).toMatchObject({
    depends_on: { database: { condition: 'service_healthy' } },
    environment: { BETTER_AUTH_SECRET: expect.stringMatching(/^\$\{BETTER_AUTH_SECRET:\?.+\}$/) },
    read_only: true,
  })
})

test('what .dockerignore lets through and the lock file are all that the build needs', async () => {
  await using folder = await newFolder()
  const lines = (await readFile(join(project, '.dockerignore'), 'utf8')).split('\n')
  const names = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  expect(names).not.toBeEmpty()
  for (const name of names) await cp(join(project, name), join(folder.path, name), { recursive: true })
  const { HOME = folder.path, PATH = '' } = process.env
  const place = { cwd: folder.path, env: { HOME, PATH }, program: process.execPath }
  const install = await run(['install', '--frozen-lockfile', '--production', '--ignore-scripts'], place)
  expect(install.code, install.stderr).toBe(0)
  const build = await run(['scripts/build.ts', '--arch', process.arch], place)
  expect(build.code, build.stderr).toBe(0)
  const made = join(folder.path, 'dist/doable')
  expect(await run(['openapi'], { ...place, program: made })).toEqual(await run(['openapi'], { cwd: folder.path }))
})

describe.each([...databases])('in the image, over %s', (kind) => {
  let folder: Awaited<ReturnType<typeof newFolder>>
  let container: Awaited<ReturnType<typeof runImage>>
  let port: number

  beforeAll(async () => {
    folder = await newFolder()
    port = freePort()
    await layOut(folder.path, image)
    const database =
      kind === 'postgres'
        ? { DATABASE_URL: await newDatabase(), BETTER_AUTH_SECRET: SECRET, SHUTDOWN_DELAY_MS: '0' }
        : {}
    container = await runImage(folder.path, image, { PORT: String(port), ...database })
    expect(await container.url).toBe(`http://0.0.0.0:${port}`)
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  test('it is process 1, user 65532, with no way to become another', async () => {
    const status = await readFile(`/proc/${await container.inner()}/status`, 'utf8')
    expect(status).toMatch(/^NSpid:\t\d+\t1$/m)
    expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m)
    expect(status).toMatch(/^Gid:\t65532\t65532\t65532\t65532$/m)
    expect(status).toMatch(/^CapEff:\t0+$/m)
  })

  test('only /data can be written, and only the embedded database does', async () => {
    const root = `/proc/${await container.inner()}/root`
    for (const path of ['new', 'tmp/new', 'etc/new'])
      await expect(writeFile(join(root, path), '')).rejects.toMatchObject({ code: 'EROFS' })
    const made = (await readdir(join(root, 'data'))).sort()
    expect(made).toEqual(kind === 'embedded' ? ['control', 'lock', 'postgres', 'secret'] : [])
  })

  test('its health check passes, and fails where nothing listens', async () => {
    expect(await container.exec(image.healthcheck)).toEqual({ code: 0, stdout: '', stderr: '' })
    const none = await container.exec(image.healthcheck, { PORT: String(freePort()) })
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/^doable: .+\n$/) })
  })

  test('it serves the API and the page', async () => {
    const url = `http://127.0.0.1:${port}`
    const { stdout } = await container.exec(['/doable', 'token', 'alice'])
    const headers = { authorization: `Bearer ${stdout.trim()}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ title: 'Buy milk' })
    expect((await fetch(`${url}/api/alice/tasks`, { method: 'POST', headers, body })).status).toBe(201)
    for (const path of ['/health/ready', '/swagger', '/swagger/json', '/swagger/scalar.js', '/api/alice/tasks'])
      expect((await fetch(url + path, { headers })).status, path).toBe(200)
  })

  test('SIGTERM lets the running request finish, takes no other, and ends with 0', async () => {
    const { stdout } = await container.exec(['/doable', 'token', 'alice'])
    const body = JSON.stringify({ title: 'Written while stopping' })
    const head = [
      'POST /api/alice/tasks HTTP/1.1',
      'host: localhost',
      `authorization: Bearer ${stdout.trim()}`,
      'content-type: application/json',
      `content-length: ${body.length}`,
      'connection: close',
      'expect: 100-continue',
    ]
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 10)}`)
    // Until the service has read the head, the connection counts as idle.
    await until('the head has been read', () => answer !== '')
    expect(answer).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    answer = ''
    process.kill(await container.inner(), 'SIGTERM')
    await untilRefused(`http://127.0.0.1:${port}/health`)
    socket.write(body.slice(10))
    await closed
    expect(answer).toStartWith('HTTP/1.1 201 ')
    expect(await container.ended).toBe(0)
    expect(container.output.stdout).toContain('"msg":"stopped"')
  })
})
