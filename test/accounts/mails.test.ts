import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { boot, databases, type Target } from '../kit/boot.ts'
import { expectDocumented } from '../kit/documented.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { bearer, send } from '../kit/send.ts'
import { type Smtp, startSmtp } from '../kit/smtp.ts'

const MAIL_FROM = 'Doable <doable@example.com>'
const FRONT_END = 'https://app.example.com'
const NEW_PASSWORD = 'staple battery horse correct'

describe.each(databases)('mails over %s', (kind) => {
  let smtp: Smtp
  let target: Target
  beforeAll(async () => {
    smtp = await startSmtp()
    target = await boot(kind, {
      SMTP_URL: smtp.url,
      MAIL_FROM,
      PUBLIC_URL: 'https://api.example.com/todo/',
      CORS_ORIGINS: `${FRONT_END},http://localhost:*`,
      TRUSTED_PROXIES: '127.0.0.1',
    })
  }, 120_000)
  afterAll(async () => {
    await target?.stop()
    await smtp?.[Symbol.asyncDispose]()
  })

  let clients = 0
  /** Each request from an address of its own, which has its attempts left. */
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const from = { 'x-forwarded-for': `198.51.100.${++clients}` }
    const answer = await send(target.url, 'POST', `/api/auth${path}`, body, { ...from, ...headers })
    await expectDocumented('POST', `/api/auth${path}`, answer)
    return answer
  }
  /** What `act` has made Doable send. */
  const mailAfter = async (act: () => Promise<unknown>) => {
    const before = smtp.mails.length
    await act()
    const mail = (await smtp.got(before + 1))[before]
    if (!mail) throw new Error('no mail')
    return mail
  }
  /** Somebody with an account, and the mail that came of it. */
  const join = async () => {
    const email = `ada.${crypto.randomUUID()}@example.com`
    let session = ''
    const mail = await mailAfter(async () => {
      const answer = await post('/sign-up/email', { name: 'Buy cheap pills', email, password: PASSWORD })
      expect(answer.status).toBe(200)
      session = answer.headers.get('set-auth-token') ?? ''
    })
    return { email, mail, session }
  }
  const signIn = async (email: string, password: string) => (await post('/sign-in/email', { email, password })).status
  const request = (email: string, redirectTo?: string, headers?: Record<string, string>) =>
    post('/request-password-reset', { email, ...(redirectTo !== undefined && { redirectTo }) }, headers)

  test('a forgotten password is set anew by the mailed link, once, and ends the sessions of before', async () => {
    const { email, session } = await join()
    const [first, second] = [
      await mailAfter(() => request(email, `${FRONT_END}/new-password?lang=de`)),
      await mailAfter(() => request(email, `${FRONT_END}/new-password`)),
    ]
    expect(first).toMatchObject({ from: 'doable@example.com', to: [email] })
    expect(first.headers.get('subject')).toBe('Set a new password')
    const link = new URL(first.link)
    expect([link.origin, link.pathname, link.searchParams.get('lang')]).toEqual([FRONT_END, '/new-password', 'de'])
    const token = link.searchParams.get('token')
    expect((await send(target.url, 'GET', '/api/auth/token', undefined, bearer(session))).status).toBe(200)

    const short = await post('/reset-password', { token, newPassword: 'short' })
    expect([short.status, ((await short.json()) as { code: string }).code]).toEqual([400, 'PASSWORD_TOO_SHORT'])
    const tries = await Promise.all(
      [NEW_PASSWORD, NEW_PASSWORD].map((newPassword) => post('/reset-password', { token, newPassword })),
    )
    expect(tries.map(({ status }) => status).sort()).toEqual([200, 400])
    const again = await post('/reset-password', { token, newPassword: NEW_PASSWORD })
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([400, 'INVALID_TOKEN'])
    // Every other link of that account is over, too.
    const other = await post('/reset-password', {
      token: new URL(second.link).searchParams.get('token'),
      newPassword: PASSWORD,
    })
    expect(other.status).toBe(400)

    expect((await send(target.url, 'GET', '/api/auth/token', undefined, bearer(session))).status).toBe(401)
    expect([await signIn(email, PASSWORD), await signIn(email, NEW_PASSWORD)]).toEqual([401, 200])
  })

  test('whether an account has the address shows neither in the answer nor in its time', async () => {
    const { email } = await join()
    for (const path of ['/request-password-reset', '/send-verification-email']) {
      const asked = async (address: string) => {
        const start = performance.now()
        const answer = await post(path, { email: address })
        return { status: answer.status, body: await answer.text(), ms: performance.now() - start }
      }
      const known = await asked(email)
      const unknown = await asked(`nobody.${crypto.randomUUID()}@example.com`)
      expect(known.status).toBe(200)
      expect([unknown.status, unknown.body]).toEqual([known.status, known.body])
      for (const { ms } of [known, unknown]) expect(ms).toBeGreaterThan(490)
    }
    // The link of signing up, and one of each.
    expect((await smtp.got(3)).filter(({ to }) => to.includes(email)).length).toBe(3)
    expect(smtp.mails.filter(({ to }) => to.some((address) => address.startsWith('nobody.')))).toEqual([])
  })

  test('signing up mails a link that confirms the address, and nothing of the name', async () => {
    const { email, mail, session } = await join()
    expect(mail.headers.get('subject')).toBe('Confirm your e-mail address')
    expect(mail.text).not.toContain('pills')
    const link = new URL(mail.link)
    expect(link.origin + link.pathname).toBe('https://api.example.com/todo/api/auth/verify-email')
    expect(link.searchParams.get('callbackURL')).toBe('https://api.example.com/todo/email-verified')
    const isVerified = async () => {
      const answer = await send(target.url, 'GET', '/api/auth/get-session', undefined, bearer(session))
      return ((await answer.json()) as { user: { emailVerified: boolean } }).user.emailVerified
    }
    expect(await isVerified()).toBe(false)
    const opened = await send(target.url, 'GET', `/api/auth/verify-email${link.search}`)
    expect([opened.status, opened.headers.get('location')]).toEqual([
      302,
      'https://api.example.com/todo/email-verified',
    ])
    expect(await isVerified()).toBe(true)
    const again = await post('/send-verification-email', { email }, bearer(session))
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([400, 'EMAIL_ALREADY_VERIFIED'])
  })

  test('a link that confirms leads on to the front end, also where it fails', async () => {
    const { email } = await join()
    const page = 'http://localhost:5173/welcome'
    const { link } = await mailAfter(() => post('/send-verification-email', { email, callbackURL: page }))
    const open = (search: string) => send(target.url, 'GET', `/api/auth/verify-email${search}`)
    const good = await open(new URL(link).search)
    expect([good.status, good.headers.get('location')]).toEqual([302, page])
    const bad = await open(`?token=x&callbackURL=${encodeURIComponent(page)}`)
    expect([bad.status, bad.headers.get('location')]).toEqual([302, `${page}?error=INVALID_TOKEN`])
    const plain = await open('?token=x')
    await expectDocumented('GET', '/api/auth/verify-email', plain)
    expect([plain.status, ((await plain.clone().json()) as { code: string }).code]).toEqual([401, 'INVALID_TOKEN'])
    const elsewhere = await open(`?token=x&callbackURL=${encodeURIComponent('https://evil.example/')}`)
    await expectDocumented('GET', '/api/auth/verify-email', elsewhere)
    expect(elsewhere.status).toBe(403)
  })

  test('a page is taken from the listed origins and from Doable itself, a path belongs to the page that asks', async () => {
    const { email } = await join()
    const leads: [redirectTo: string | undefined, origin: string | undefined, to: string][] = [
      [undefined, undefined, 'https://api.example.com/todo/reset-password'],
      [undefined, FRONT_END, 'https://api.example.com/todo/reset-password'],
      ['/new', FRONT_END, `${FRONT_END}/new`],
      ['/new', 'http://localhost:3000', 'http://localhost:3000/new'],
      ['/new', 'https://evil.example', 'https://api.example.com/new'],
      ['http://localhost:5173/#/new', undefined, 'http://localhost:5173/#/new'],
      ['https://api.example.com/other', undefined, 'https://api.example.com/other'],
    ]
    for (const [redirectTo, origin, to] of leads) {
      const { link } = await mailAfter(async () =>
        expect((await request(email, redirectTo, origin === undefined ? {} : { origin })).status).toBe(200),
      )
      const url = new URL(link)
      expect(url.searchParams.get('token')).toMatch(/^\w{20,}$/)
      url.search = ''
      expect([redirectTo, origin, url.href]).toEqual([redirectTo, origin, to])
    }
  })

  test('a page of any other origin is refused, whoever has an account and whatever Host is sent', async () => {
    const { email } = await join()
    const before = smtp.mails.length
    const pages = [
      'https://evil.example/new',
      '//evil.example/new',
      '/\\evil.example',
      'https://app.example.com.evil.example/',
      'https://app.example.com@evil.example/',
      'http://app.example.com/',
      'javascript:alert(1)',
      'http://localhost.evil.example:3000/',
    ]
    const asked = pages.flatMap((redirectTo) =>
      [email, 'nobody@example.com'].map((address) => [redirectTo, address] as const),
    )
    const answers = asked.map(async ([redirectTo, address]) => {
      const answer = await request(address, redirectTo, { origin: FRONT_END })
      const { code, detail } = (await answer.json()) as { code: string; detail: string }
      expect([redirectTo, answer.status, code]).toEqual([redirectTo, 403, 'INVALID_REDIRECT_URL'])
      expect(detail).toContain('CORS_ORIGINS')
    })
    await Promise.all(answers)
    const poisoned = { host: 'evil.example', 'x-forwarded-host': 'evil.example', referer: 'https://evil.example/' }
    expect((await request(email, 'http://evil.example/new', poisoned)).status).toBe(403)
    const callbackURL = 'https://evil.example/'
    expect((await post('/send-verification-email', { email, callbackURL })).status).toBe(403)
    const body = { name: 'Eve', email: 'eve@example.com', password: PASSWORD, callbackURL }
    expect((await post('/sign-up/email', body)).status).toBe(403)
    expect(smtp.mails.length).toBe(before)
    const { link } = await mailAfter(() => request(email, undefined, poisoned))
    expect(link).toStartWith('https://api.example.com/todo/reset-password?token=')
  })

  test('what is no page and no address is refused in words', async () => {
    for (const body of [{}, [], { email: 'ada' }, { email: 5 }]) {
      const answer = await post('/request-password-reset', body)
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'VALIDATION_ERROR'])
    }
    expect((await post('/request-password-reset', { email: 'ada@example.com', redirectTo: 5 })).status).toBe(400)
  })

  test("Better Auth's own client resets a password", async () => {
    const { email } = await join()
    const ada = newPerson(target.url, email)
    const { link } = await mailAfter(() => ada.client.requestPasswordReset({ email, redirectTo: `${FRONT_END}/new` }))
    const token = new URL(link).searchParams.get('token') ?? ''
    const done = await ada.client.resetPassword({ newPassword: NEW_PASSWORD, token })
    expect(done.data).toEqual({ status: true })
    expect((await ada.signIn(NEW_PASSWORD)).error).toBeNull()
  })

  test.each(['/request-password-reset', '/reset-password', '/send-verification-email'])(
    'an address may ask ten times in a minute at %s',
    async (path) => {
      const from = { 'x-forwarded-for': `203.0.113.${path.length}` }
      const ask = () =>
        post(path, { email: 'nobody@example.com', token: 'x', newPassword: NEW_PASSWORD }, from).then(
          ({ status }) => status,
        )
      const statuses = await Promise.all(Array.from({ length: 11 }, ask))
      expect(statuses.filter((status) => status === 429)).toHaveLength(1)
    },
  )
})

describe('a server that takes no mails', () => {
  test('changes neither the answer nor its time: down, slow, or refusing', async () => {
    const down = await startSmtp()
    await down[Symbol.asyncDispose]()
    await using slow = await startSmtp({ onConnect: (_, done) => void setTimeout(done, 60_000) })
    await using refusing = await startSmtp({ onMailFrom: (_, __, done) => done(new Error('no')) })
    for (const { url } of [down, slow, refusing]) {
      const target = await boot('embedded', { SMTP_URL: url, MAIL_FROM })
      const body = { name: 'Ada', email: 'ada@example.com', password: PASSWORD }
      expect((await send(target.url, 'POST', '/api/auth/sign-up/email', body)).status).toBe(200)
      const answers: string[] = []
      for (const email of ['ada@example.com', 'nobody@example.com']) {
        const start = performance.now()
        const answer = await send(target.url, 'POST', '/api/auth/request-password-reset', { email })
        answers.push(`${answer.status} ${await answer.text()}`)
        expect(performance.now() - start).toBeWithin(490, 3000)
      }
      expect(answers[0]).toStartWith('200 ')
      expect(answers[0]).toBe(answers[1])
      await target.stop()
    }
  }, 120_000)
})

describe('without SMTP_URL', () => {
  test('asking for a mail is refused, the same for everybody, and says whom to ask', async () => {
    const target = await boot('embedded')
    const ada = newPerson(target.url)
    await ada.signUp()
    for (const path of ['/request-password-reset', '/send-verification-email']) {
      const answers = await Promise.all(
        [ada.email, 'nobody@example.com'].map((email) => send(target.url, 'POST', `/api/auth${path}`, { email })),
      )
      const bodies = await Promise.all(
        answers.map(async (answer) => ({ ...((await answer.json()) as object), request_id: '' })),
      )
      expect(answers.map(({ status }) => status)).toEqual([400, 400])
      expect(bodies).toEqual(bodies.slice(0, 1).concat(bodies.slice(0, 1)))
      expect(JSON.stringify(bodies[0])).toContain('sends no mails')
    }
    await target.stop()
  }, 120_000)
})

test('with CORS_ORIGINS=*, links lead to Doable alone', async () => {
  await using smtp = await startSmtp()
  const target = await boot('embedded', { SMTP_URL: smtp.url, MAIL_FROM, CORS_ORIGINS: '*' })
  const origin = 'https://evil.example'
  await send(target.url, 'POST', '/api/auth/sign-up/email', {
    name: 'Ada',
    email: 'ada@example.com',
    password: PASSWORD,
  })
  const ask = (redirectTo: string) =>
    send(target.url, 'POST', '/api/auth/request-password-reset', { email: 'ada@example.com', redirectTo }, { origin })
  expect((await ask(`${origin}/new`)).status).toBe(403)
  expect((await ask('/new')).status).toBe(200)
  const mails = await smtp.got(2)
  expect(mails[1]?.link).toStartWith(`${target.url}/new?token=`)
  await target.stop()
}, 120_000)
