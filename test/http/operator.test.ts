import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { forge } from '../kit/forge.ts'
import { freePort, newDatabase } from '../kit/postgres-server.ts'
import { newPlace, type Place, type Served } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

const path = '/api/alice/tasks'
const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'

describe.each(databases)('what the operator sees over %s', (kind) => {
  let admin: string
  let place: Place
  let served: Served

  beforeAll(async () => {
    const port = freePort()
    admin = `http://127.0.0.1:${port}`
    place = await newPlace()
    served = await place.serve({
      ADMIN_PORT: String(port),
      BETTER_AUTH_SECRET: SECRET,
      LOG_LEVEL: 'debug',
      ...(kind === 'postgres' ? { DATABASE_URL: await newDatabase() } : {}),
    })
  })
  afterAll(async () => {
    await served.end()
    await place[Symbol.asyncDispose]()
  })

  const send = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    fetch(served.url + path, { method, headers, ...(body && { body }) })
  const withToken = { authorization: `Bearer ${forge()}`, 'content-type': 'application/json' }
  const metric = async (line: string) => {
    const text = await (await fetch(`${admin}/metrics`)).text()
    return Number(
      text
        .split('\n')
        .find((found) => found.startsWith(`${line} `))
        ?.slice(line.length + 1),
    )
  }

  test('the address of the service has no metrics', async () => {
    expect((await send('GET', '/metrics')).status).toBe(404)
  })

  test('requests are counted by the pattern of their route, never by ids', async () => {
    const { id } = (await (await send('POST', path, withToken, '{"title":"Zanzibar"}')).json()) as { id: string }
    for (let i = 0; i < 3; i++) await send('GET', `${path}/${id}`, withToken)
    const labels = 'method="GET",route="/api/:user_id/tasks/:id",status="200"'
    expect(await metric(`doable_http_request_duration_seconds_count{${labels}}`)).toBe(3)
    await send('GET', '/nowhere/at/all')
    await send('BREW', '/nowhere')
    const text = await (await fetch(`${admin}/metrics`)).text()
    for (const unseen of [id, 'alice', 'nowhere', 'BREW', 'Zanzibar']) expect(text).not.toContain(unseen)
  })

  test('refused tokens are counted by reason', async () => {
    await send('GET', path)
    for (let i = 0; i < 2; i++) await send('GET', path, { authorization: 'Bearer a.b.c' })
    expect(await metric('doable_problems_total{code="token-missing"}')).toBe(1)
    expect(await metric('doable_problems_total{code="token-invalid"}')).toBe(2)
  })

  test('open event streams, the database, the event loop and memory are measured', async () => {
    const stream = await send('GET', '/api/alice/events', withToken)
    expect(await metric('doable_event_streams')).toBe(1)
    await stream.body?.cancel()
    // The lag is measured since the last reading.
    await Bun.sleep(500)
    const text = await (await fetch(`${admin}/metrics`)).text()
    for (const line of [
      'doable_database_statement_duration_seconds_count{outcome="done"}',
      'doable_database_pool_size',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ])
      expect(text).toMatch(new RegExp(`^${line.replace(/[{}]/g, '\\$&')} (?!0$)[\\d.e-]+$`, 'm'))
    expect(await metric('doable_database_statements_running')).toBe(0)
    expect(await metric('doable_workers')).toBe(1)
    expect(await metric('doable_workers_ready')).toBe(1)
  })

  test("health is told on the operator's port too", async () => {
    expect((await fetch(`${admin}/health`)).status).toBe(200)
    expect((await fetch(`${admin}/health/ready`)).status).toBe(200)
    expect((await fetch(`${admin}${path}`)).status).toBe(404)
  })

  test("log lines carry the caller's trace and the request's id", async () => {
    await send('GET', path, { ...withToken, traceparent: `00-${trace}-${parent}-01`, 'x-request-id': 'traced' })
    await send('GET', path, { traceparent: `00-${trace}-${parent}-01`, 'x-request-id': 'refused' })
    await send('GET', path, { ...withToken, traceparent: `00-${'0'.repeat(32)}-${parent}-01`, 'x-request-id': 'none' })
    await Bun.sleep(200)
    const lines = served.output.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
    const of = (id: string) => lines.filter(({ request_id }) => request_id === id)
    expect(of('traced')).toMatchObject([{ trace_id: trace, parent_id: parent, status: 200 }])
    expect(of('refused').map(({ trace_id }) => trace_id)).toEqual([trace, trace])
    expect(of('none').map(({ trace_id }) => trace_id)).toEqual([undefined])
  })
})
