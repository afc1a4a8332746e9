import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { databases } from '../kit/boot.ts'
import { forge } from '../kit/forge.ts'
import { newDatabase } from '../kit/postgres-server.ts'
import { newPlace, type Place, type Served } from '../kit/program.ts'
import { SECRET } from '../kit/tokens.ts'

setDefaultTimeout(120_000)

const path = '/api/alice/tasks'
const withToken = { authorization: `Bearer ${forge()}`, 'content-type': 'application/json' }
const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'

/** As much of OTLP's JSON (1.9, ExportTraceServiceRequest) as is compared here. */
interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: { key: string; value: Record<string, unknown> }[]
  status: { code?: number }
}
interface Export {
  resourceSpans: { resource: Pick<Span, 'attributes'>; scopeSpans: { spans: Span[] }[] }[]
}

const SERVER = 2
const CLIENT = 3

const attributeOf = ({ attributes }: Pick<Span, 'attributes'>, name: string) =>
  Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0]

describe.each(databases)('traces over %s', (kind) => {
  let place: Place
  let served: Served | undefined
  let posts: { type: string | null; key: string | null; path: string; body: Uint8Array }[]
  let collector: Bun.Server<undefined>

  beforeEach(async () => {
    place = await newPlace()
    posts = []
    collector = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch(request) {
        const { headers } = request
        const body = await request.bytes()
        posts.push({
          type: headers.get('content-type'),
          key: headers.get('api-key'),
          path: new URL(request.url).pathname,
          body,
        })
        return Response.json({})
      },
    })
  })
  afterEach(async () => {
    await served?.end()
    served = undefined
    await collector.stop(true)
    await place[Symbol.asyncDispose]()
  })

  const serve = async (env: Record<string, string>) => {
    served = await place.serve({
      BETTER_AUTH_SECRET: SECRET,
      LOG_LEVEL: 'debug',
      RATE_LIMIT: '0',
      ...(kind === 'postgres' ? { DATABASE_URL: await newDatabase() } : {}),
      ...env,
    })
    return served
  }
  const here = () => `http://127.0.0.1:${collector.port}`
  const exported = () => posts.map(({ body }) => JSON.parse(new TextDecoder().decode(body)) as Export)
  const spans = () =>
    exported().flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((s) => s.spans)),
    )

  test('a request is a span of the trace that it came with, and the database a child of that', async () => {
    const { url, output, end } = await serve({
      OTEL_EXPORTER_OTLP_ENDPOINT: here(),
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=abc',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_SERVICE_NAME: 'todo',
    })
    const headers = { ...withToken, traceparent: `00-${trace}-${parent}-01` }
    const created = await fetch(url + path, { method: 'POST', headers, body: '{"title":"Zanzibar"}' })
    const { id } = (await created.json()) as { id: string }
    await fetch(`${url}/api/bob/tasks/${id}?cursor=secret`, { headers: withToken })
    // The rest is sent before the process ends.
    await end()
    const all = spans()
    const create = all.find(({ name }) => name === 'POST /api/:user_id/tasks')
    expect(create).toMatchObject({ traceId: trace, parentSpanId: parent, kind: SERVER })
    expect(create && attributeOf(create, 'http.response.status_code')).toBe(201)
    expect(create && attributeOf(create, 'http.route')).toBe('/api/:user_id/tasks')
    const statement = all.find(({ parentSpanId }) => parentSpanId === create?.spanId)
    expect(statement).toMatchObject({ traceId: trace, name: 'INSERT', kind: CLIENT })
    expect(statement && attributeOf(statement, 'db.operation.name')).toBe('INSERT')
    const refused = all.find(({ name }) => name === 'GET /api/:user_id/tasks/:id')
    expect(refused && attributeOf(refused, 'http.response.status_code')).toBe(403)
    expect(refused?.traceId).not.toBe(trace)
    const resource = exported()[0]?.resourceSpans[0]?.resource ?? { attributes: [] }
    expect(['service.name', 'deployment.environment.name'].map((name) => attributeOf(resource, name))).toEqual([
      'todo',
      'test',
    ])
    expect(posts[0]).toMatchObject({ path: '/v1/traces', key: 'abc' })

    const sent = JSON.stringify(exported())
    for (const unseen of ['alice', 'bob', id, 'Zanzibar', 'secret', forge()]) expect(sent).not.toContain(unseen)
    // A line of the log names the span that it belongs to.
    expect(output.stdout).toContain(`"trace_id":"${trace}","span_id":"${create?.spanId}"`)
  })

  test('the trace of an event stream ends when the stream has begun', async () => {
    const { url, end: stop } = await serve({
      OTEL_EXPORTER_OTLP_ENDPOINT: here(),
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    })
    const stream = await fetch(`${url}/api/alice/events?since=0`, {
      headers: { ...withToken, traceparent: `00-${trace}-${parent}-01` },
    })
    const reader = stream.body?.getReader()
    await reader?.read()
    await fetch(url + path, { method: 'POST', headers: withToken, body: '{"title":"a"}' })
    await reader?.read()
    // The feed looks for other replicas' writes once a second while somebody listens.
    await Bun.sleep(2500)
    await reader?.cancel()
    await stop()
    const ofStream = spans().filter(({ traceId }) => traceId === trace)
    expect(ofStream.map(({ name }) => name)).toContain('GET /api/:user_id/events')
    const server = ofStream.find(({ kind }) => kind === SERVER)
    // A span's start is told in whole milliseconds, and its end by what it took since: they differ by up to one.
    const end = BigInt(server?.endTimeUnixNano ?? 0) + 1_000_000n
    const later = ofStream.filter(({ startTimeUnixNano }) => BigInt(startTimeUnixNano) > end)
    expect(later).toEqual([])
  })

  test('what the caller does not sample is not exported', async () => {
    const { url, end } = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: here(), OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' })
    await fetch(url + path, { headers: { ...withToken, traceparent: `00-${trace}-${parent}-00` } })
    await fetch(`${url}/health`)
    await end()
    expect(spans().map(({ name }) => name)).toContain('GET /health')
    expect(spans().filter(({ traceId }) => traceId === trace)).toEqual([])
  })

  test('protobuf is what is sent unless JSON is asked for', async () => {
    const { url, end } = await serve({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${here()}/in` })
    await fetch(`${url}/health`)
    await end()
    expect(posts[0]).toMatchObject({ type: 'application/x-protobuf', path: '/in' })
    expect(new TextDecoder('latin1').decode(posts[0]?.body)).toContain('GET /health')
  })

  test('a collector that is away costs no request anything, and one line in the log', async () => {
    await collector.stop(true)
    const { url, output, end } = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: here(), OTEL_EXPORTER_OTLP_TIMEOUT: '500' })
    const ask = async () => {
      const response = await fetch(url + path, { headers: withToken })
      await response.text()
      return response.status
    }
    // Some thousands of spans, exported 512 at a time: several exports fail.
    for (let n = 0; n < 3000; n += 100)
      expect(await Promise.all(Array.from({ length: 100 }, ask))).toEqual(Array(100).fill(200))
    expect(await end()).toBe(0)
    expect(output.stdout.match(/exporting traces failed/g)).toHaveLength(1)
  })
})
