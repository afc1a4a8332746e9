import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { until } from '../kit/until.ts'
import { newUser, type User } from '../kit/user.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

describe.each(databases)('imports under way, over the %s database', (kind) => {
  const service = useService(kind)

  /** Begins an import, and ends it when told to. Tried again where `tryImport` is under way. */
  function beginImport(user: User) {
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
      const answer = await user.send('POST', '/import', body(), JSON_TYPE)
      return answer.status === 429 ? send() : answer
    }
    return { answer: send(), end }
  }
  const tryImport = (user: User) => user.send('POST', '/import?dry_run=true', '[]', JSON_TYPE)

  /** Tries until the answer has that status. */
  async function tryUntil(status: number, user: User): Promise<Response> {
    let answer = await tryImport(user)
    await until(`an import is answered with ${status}`, async () => {
      if (answer.status !== status) answer = await tryImport(user)
      return answer.status === status
    })
    return answer
  }

  test('the second import of a user, and what exceeds 128 MiB with all others, is 429 until one is done', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const first = beginImport(ann)
    const second = await tryUntil(429, ann)
    await expectProblem(second, 429, 'too-many-imports')
    expect(second.headers.get('retry-after')).toBe('5')
    expect((await tryImport(bob)).status).toBe(200)

    const other = beginImport(newUser(service()))
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
    const user = newUser(service())
    const { hostname, port } = new URL(service().url)
    const token = await service().tokens.sign(user.id, 60)
    const fields = `host: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`
    const begin = () => {
      const socket = connect(Number(port), hostname)
      socket.write(`POST ${user.base}/import HTTP/1.1\r\n${fields}${rest}`)
      return socket
    }
    let socket = begin()
    // Tried again where an import of another test is under way.
    socket.on('data', function again() {
      socket = begin().on('data', again)
    })
    expect((await tryUntil(429, user)).status).toBe(429)
    socket.destroy()
    expect((await tryUntil(200, user)).status).toBe(200)
  })
})
