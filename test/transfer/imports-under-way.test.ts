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

  /** Begins an import, and ends it when told to. */
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
      // `tryImport` of the same user was under way.
      return answer.status === 429 ? send() : answer
    }
    return { answer: send(), end }
  }
  const tryImport = (user: User) => user.send('POST', '/import?dry_run=true', '[]', JSON_TYPE)

  /** Sends the head of an import and what of the body is in `rest`; again where `tryImport` is under way. */
  async function beginUpload(user: User, rest: string) {
    const { hostname, port } = new URL(service().url)
    const token = await service().tokens.sign(user.id, 60)
    const fields = `host: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`
    const begin = () => {
      const socket = connect(Number(port), hostname)
      socket.write(`POST ${user.base}/import HTTP/1.1\r\n${fields}${rest}`)
      return socket
    }
    let socket = begin()
    socket.on('data', function again() {
      socket.destroy()
      socket = begin().on('data', again)
    })
    return { leave: () => void socket.destroy() }
  }

  /** Tries until the answer has that status. */
  async function tryUntil(status: number, user: User): Promise<Response> {
    let answer = await tryImport(user)
    await until(`an import is answered with ${status}`, async () => {
      if (answer.status !== status) answer = await tryImport(user)
      return answer.status === status
    })
    return answer
  }

  test('the second import of a user is 429 until the first is done', async () => {
    const [ann, bob] = [newUser(service()), newUser(service())]
    const first = beginImport(ann)
    const second = await tryUntil(429, ann)
    await expectProblem(second, 429, 'too-many-imports')
    expect(second.headers.get('retry-after')).toBe('5')
    expect((await tryImport(bob)).status).toBe(200)
    first.end()
    expect(await (await first.answer).json()).toEqual({ imported: 1, skipped: 0, dry_run: false })
    expect((await tryUntil(200, ann)).status).toBe(200)
  })

  test('uploads that announce much and send little keep nobody from importing', async () => {
    const slow = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const user = newUser(service())
        const upload = await beginUpload(user, `content-length: ${64 * 2 ** 20}\r\n\r\n[{"title"`)
        await tryUntil(429, user)
        return upload
      }),
    )
    expect((await tryImport(newUser(service()))).status).toBe(200)
    for (const upload of slow) upload.leave()
  })

  test.each([
    ['of known length', 'content-length: 100\r\n\r\n[{"title"'],
    ['in chunks', 'transfer-encoding: chunked\r\n\r\n9\r\n[{"title"\r\n'],
  ])('an import %s whose client goes away makes room', async (_, rest) => {
    const user = newUser(service())
    const upload = await beginUpload(user, rest)
    expect((await tryUntil(429, user)).status).toBe(429)
    upload.leave()
    expect((await tryUntil(200, user)).status).toBe(200)
  })
})
