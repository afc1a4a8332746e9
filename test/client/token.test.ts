import { describe, expect, test } from 'bun:test'
import { createDoable, DoableError, type Options } from '../../src/client/index.ts'
import { databases } from '../kit/boot.ts'
import { useService } from '../kit/service.ts'
import { until } from '../kit/until.ts'
import { answer, refusal, trouble, unreachable } from './trouble.ts'

describe.each(databases)("the client's token, over %s", (kind) => {
  const service = useService(kind)

  /** A user whose first token has expired, and what the callback was asked. */
  function withExpiredToken(options: Partial<Options> = {}) {
    const userId = `user-${crypto.randomUUID()}`
    const asked: boolean[] = []
    const doable = createDoable({
      url: service().url,
      userId,
      token({ expired }) {
        asked.push(expired)
        return service().tokens.sign(userId, expired ? 3600 : -60)
      },
      ...options,
    })
    return { asked, doable }
  }

  test('is renewed when the counter is asked for with an expired one', async () => {
    const { asked, doable } = withExpiredToken()
    expect(await doable.revision()).toBe(0)
    expect(asked).toEqual([false, true])
  })

  test('is renewed when watching begins, and when the stream comes back, with an expired one', async () => {
    for (const since of [undefined, 0]) {
      const { asked, doable } = withExpiredToken()
      const watched = doable.watch(since === undefined ? {} : { since })
      const first = watched.next()
      await until('the token is renewed', () => asked.length === 2)
      // Without `since`, what is done before the counter is read is not followed.
      const adding = setInterval(() => void doable.create({ title: 'Buy milk' }), 300)
      expect((await first).value).toMatchObject({ title: 'Buy milk' })
      clearInterval(adding)
      await watched.return()
      expect(asked).toEqual([false, true])
    }
  })

  test('is renewed after the refusal of a gateway that says so in the header alone', async () => {
    const challenge = { 'www-authenticate': 'Bearer error="invalid_token", error_description="expired"' }
    const { send, sent } = trouble(answer(401, challenge, null))
    const { asked, doable } = withExpiredToken({ fetch: send })
    expect(await doable.revision()).toBe(0)
    expect(asked).toEqual([false, true])
    expect(sent).toHaveLength(2)
  })

  test('is asked for anew after a refusal, and says once that the user must sign in', async () => {
    const userId = `user-${crypto.randomUUID()}`
    const asked: boolean[] = []
    const reasons: unknown[] = []
    let isSignedIn = false
    const doable = createDoable({
      url: service().url,
      userId,
      token({ expired }) {
        asked.push(expired)
        return isSignedIn ? service().tokens.sign(userId, 3600) : 'a.b.c'
      },
      onSignedOut: (reason) => reasons.push(reason),
    })
    const refused = { name: 'DoableError', status: 401, code: 'token-invalid' }
    expect(await refusal(doable.create({ title: 'x' }))).toEqual(refused)
    expect(await refusal(doable.create({ title: 'x' }))).toEqual(refused)
    expect(reasons).toMatchObject([{ code: 'token-invalid' }])
    isSignedIn = true
    await doable.create({ title: 'x' })
    expect(asked).toEqual([false, true, true])
    expect(reasons).toHaveLength(1)
  })

  test('that stays expired when renewed is a refusal, and says that the user must sign in', async () => {
    const reasons: unknown[] = []
    const userId = `user-${crypto.randomUUID()}`
    const { doable } = withExpiredToken({
      userId,
      token: () => service().tokens.sign(userId, -60),
      onSignedOut: (reason) => reasons.push(reason),
    })
    expect(await refusal(doable.revision())).toEqual({ name: 'DoableError', status: 401, code: 'token-expired' })
    expect(reasons).toMatchObject([{ code: 'token-expired' }])
  })

  test('whose callback fails ends every call and watching with that error, and says once that the user must sign in', async () => {
    // A TypeError too, which callbacks throw that take a session for granted, though `fetch` throws it for the network.
    for (const error of [new Error('no session'), new TypeError("Cannot read properties of null (reading 'token')")]) {
      const reasons: unknown[] = []
      let asked = 0
      const { send, sent } = trouble()
      const doable = createDoable({
        url: service().url,
        userId: 'ann',
        token: () => {
          asked++
          throw error
        },
        onSignedOut: (reason) => reasons.push(reason),
        fetch: send,
      })
      expect(await doable.revision().catch((caught) => caught)).toBe(error)
      expect(await doable.create({ title: 'x' }).catch((caught) => caught)).toBe(error)
      for (const since of [{}, { since: 0 }])
        expect(
          await doable
            .watch(since)
            .next()
            .catch((caught) => caught),
        ).toBe(error)
      expect(asked).toBe(4)
      expect(sent).toHaveLength(0)
      expect(reasons).toEqual([error])
    }
  })

  test('ends watching when it can no longer be renewed', async () => {
    const userId = `user-${crypto.randomUUID()}`
    const gone = new Error('the session has ended')
    const doable = createDoable({
      url: service().url,
      userId,
      async token({ expired }) {
        if (expired) throw gone
        return service().tokens.sign(userId, -60)
      },
    })
    expect(
      await doable
        .watch()
        .next()
        .catch((caught) => caught),
    ).toBe(gone)
  })

  test('that is missing is no request, and says that the user must sign in', async () => {
    for (const nothing of ['', null, undefined]) {
      const reasons: unknown[] = []
      const { send, sent } = trouble()
      const { doable } = withExpiredToken({
        token: () => nothing,
        onSignedOut: (why) => reasons.push(why),
        fetch: send,
      })
      expect(await refusal(doable.revision())).toEqual({ name: 'DoableError', status: 401, code: 'token-missing' })
      expect(reasons[0]).toBeInstanceOf(DoableError)
      expect(sent).toHaveLength(0)
    }
  })

  test('is not taken for dead when the network fails', async () => {
    const reasons: unknown[] = []
    const { send } = trouble(unreachable)
    const { asked, doable } = withExpiredToken({ fetch: send, attempts: 1, onSignedOut: (why) => reasons.push(why) })
    expect(await refusal(doable.revision())).toMatchObject({ name: 'TypeError' })
    expect(reasons).toEqual([])
    expect(asked).toEqual([false])
  })
})

test('an address that is no absolute http address, or no user, is refused at once, and named', () => {
  const token = () => 'a.b.c'
  for (const url of ['api.example.com', 'localhost:8000', '/api', '', 'ftp://api.example.com', undefined as never])
    expect(() => createDoable({ url, userId: 'ann', token })).toThrow(
      new TypeError(
        `url must begin with http:// or https://, such as https://api.example.com; it is ${JSON.stringify(url) ?? 'undefined'}`,
      ),
    )
  for (const userId of ['', undefined as never])
    expect(() => createDoable({ url: 'https://api.example.com', userId, token })).toThrow(/^userId must be/)
})
