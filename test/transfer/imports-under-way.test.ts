import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'

/** Each test is users of its own, on one service. */
let users = 0
const newUser = () => `user-${++users}`

describe.each(databases)('imports under way, over the %s database', (kind) => {
  let target: Target
  beforeAll(async () => {
    target = await boot(kind)
  })
  afterAll(() => target.stop())

  /** Begins an import, and ends it when told to. Tried again where one of those below is under way. */
  function beginImport(user: string) {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const body = () =>
      new ReadableStream<Uint8Array>({
        async start(controller) {
          const say = (text: string) => controller.enqueue(new TextEncoder().encode(text))
          say('[{"title":"a"}')
          await ended
          say(']')
          controller.close()
        },
      })
    const send = async (): Promise<Response> => {
      const answer = await target.request(user, 'POST', `/api/${user}/import`, body(), {
        'content-type': 'application/json',
      })
      return answer.status === 429 ? send() : answer
    }
    return { answer: send(), end }
  }
  const tryImport = (user: string) =>
    target.request(user, 'POST', `/api/${user}/import?dry_run=true`, '[]', { 'content-type': 'application/json' })

  /** Tries until the answer has that status, for ten seconds at most. */
  async function tryUntil(status: number, user: string): Promise<Response> {
    let answer = await tryImport(user)
    for (let tries = 0; answer.status !== status && tries < 200; tries++) {
      await Bun.sleep(50)
      answer = await tryImport(user)
    }
    return answer
  }

  test('the second import of a user, and what exceeds 128 MiB with all others, is 429 until one is done', async () => {
    const [ann, bob] = [newUser(), newUser()]
    const first = beginImport(ann)
    const second = await tryUntil(429, ann)
    await expectProblem(second, 429, 'too-many-imports')
    expect(second.headers.get('retry-after')).toBe('5')
    expect((await tryImport(bob)).status).toBe(200)

    const other = beginImport(newUser())
    await expectProblem(await tryUntil(429, bob), 429, 'too-many-imports')
    first.end()
    expect(await (await first.answer).json()).toEqual({ imported: 1, skipped: 0, dry_run: false })
    expect((await tryUntil(200, ann)).status).toBe(200)
    expect((await tryUntil(200, bob)).status).toBe(200)
    other.end()
    expect((await other.answer).status).toBe(200)
  })

  test.each([
    ['of known length', 'content-length: 100\r\n\r\n[{"title"'],
    ['in chunks', 'transfer-encoding: chunked\r\n\r\n9\r\n[{"title"\r\n'],
  ])('an import %s whose client goes away makes room', async (_, rest) => {
    const user = newUser()
    const { hostname, port } = new URL(target.url)
    const token = await target.tokens.sign(user, 60)
    const fields = `host: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`
    const begin = () => {
      const socket = connect(Number(port), hostname)
      socket.write(`POST /api/${user}/import HTTP/1.1\r\n${fields}${rest}`)
      return socket
    }
    let socket = begin()
    // As above.
    socket.on('data', function again() {
      socket = begin().on('data', again)
    })
    expect((await tryUntil(429, user)).status).toBe(429)
    socket.destroy()
    expect((await tryUntil(200, user)).status).toBe(200)
  })
})
