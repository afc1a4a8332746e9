import { expect, test } from 'bun:test'
import { createServer } from 'node:net'
import pino from 'pino'
import { createMailer, type MailerOptions } from '../../src/accounts/mail/mailer.ts'
import { readConfig } from '../../src/config.ts'
import { type Smtp, startSmtp } from '../kit/smtp.ts'
import { until } from '../kit/until.ts'

const MAIL_FROM = 'Doable <doable@example.com>'
const mail = { to: 'ada@example.com', subject: 'A subject', text: 'The text.' }

/** A mailer to a server, and what it logs. */
function open(smtpUrl: string, options: MailerOptions = { retriesMs: [50, 50] }) {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const { mail: settings } = readConfig({ SMTP_URL: smtpUrl, MAIL_FROM })
  if (settings === undefined) throw new Error('no mail settings')
  return {
    mailer: createMailer(settings, log, options),
    lines,
    warnings: () => lines.filter(({ level }) => level === 40),
  }
}

const refusing = (responseCode: number, text: string, times = Number.POSITIVE_INFINITY) => {
  let left = times
  let asked = 0
  const server = startSmtp({
    onRcptTo(_, __, done) {
      asked++
      done(left-- > 0 ? Object.assign(new Error(text), { responseCode }) : null)
    },
  })
  return { server, asked: () => asked }
}

test('a mail arrives as it was given, and says that nobody wrote it', async () => {
  await using smtp = await startSmtp()
  const { mailer, warnings } = open(smtp.url)
  const text = `Ein Gruß\n\nhttps://todo.example.com/${'x'.repeat(300)}?a=b&c=d\n`
  mailer.send({ ...mail, subject: 'Ein neues Paßwort', text })
  const [got] = await smtp.got(1)
  expect(got).toMatchObject({ from: 'doable@example.com', to: ['ada@example.com'] })
  expect(got?.text.replaceAll('\r\n', '\n').trim()).toBe(text.trim())
  expect(got?.headers.get('from')).toBe(MAIL_FROM)
  expect(got?.headers.get('auto-submitted')).toBe('auto-generated')
  expect(got?.headers.get('subject')).toStartWith('=?UTF-8?')
  await mailer.close()
  expect(warnings()).toEqual([])
})

test('it signs in as SMTP_URL says, by STARTTLS where the server has it', async () => {
  const seen: unknown[] = []
  await using smtp = await startSmtp({
    authOptional: false,
    allowInsecureAuth: false,
    onAuth({ username, password }, { secure }, done) {
      seen.push([username, password, secure])
      done(null, { user: username })
    },
  })
  const { mailer } = open(`smtp://me%40b.example:p%25w@127.0.0.1:${smtp.port}`)
  mailer.send(mail)
  await smtp.got(1)
  expect(seen).toEqual([['me@b.example', 'p%w', true]])
  await mailer.close()
})

test('where TLS is required and not offered, the password is not sent', async () => {
  let isAsked = false
  await using smtp = await startSmtp({
    disabledCommands: ['STARTTLS'],
    onAuth(_, __, done) {
      isAsked = true
      done(null, { user: 'me' })
    },
  })
  const { mailer, warnings } = open(`smtp://me:hunter2@127.0.0.1:${smtp.port}?requireTLS=true`, { retriesMs: [] })
  mailer.send(mail)
  await until('a warning', () => warnings().length === 1)
  expect([isAsked, smtp.mails.length]).toEqual([false, 0])
  await mailer.close()
})

test('a certificate that is to be verified and cannot be, ends it', async () => {
  await using smtp = await startSmtp()
  const { mailer, warnings } = open(`${smtp.url}?tls.rejectUnauthorized=true`, { retriesMs: [] })
  mailer.send(mail)
  await until('a warning', () => warnings().length === 1)
  expect(smtp.mails).toEqual([])
  await mailer.close()
})

test('a server that is down is asked again, so many times and no more, each time with a warning', async () => {
  const gone = await startSmtp()
  await gone[Symbol.asyncDispose]()
  const { mailer, warnings } = open(gone.url)
  mailer.send(mail)
  await until('three warnings', () => warnings().length === 3)
  expect(warnings().map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  expect(warnings()[0]).toMatchObject({ server: `127.0.0.1:${gone.port}`, code: expect.any(String), retry_in_ms: 50 })
  expect(warnings()[2]).toMatchObject({ msg: 'a mail was not sent, and is given up' })
  await Bun.sleep(200)
  expect(warnings()).toHaveLength(3)
  await mailer.close()
})

test('a server that comes back gets the mail', async () => {
  const first = await startSmtp()
  await first[Symbol.asyncDispose]()
  const { mailer, warnings } = open(first.url, { retriesMs: [200, 500, 1000] })
  mailer.send(mail)
  await until('a warning', () => warnings().length === 1)
  await using back: Smtp = await startSmtp({}, first.port)
  await back.got(1)
  await mailer.close()
})

test('a passing refusal (4xx) is tried again, a lasting one (5xx) is not', async () => {
  const [greylisting, unknown] = [refusing(450, '4.2.0 try later', 1), refusing(550, '5.1.1 no such user')]
  await using soft = await greylisting.server
  await using hard = await unknown.server
  const [one, two] = [open(soft.url), open(hard.url)]
  one.mailer.send(mail)
  two.mailer.send(mail)
  await soft.got(1)
  await until('a warning', () => two.warnings().length === 1)
  await Bun.sleep(300)
  expect([greylisting.asked(), unknown.asked()]).toEqual([2, 1])
  expect(two.warnings()).toMatchObject([
    { code: 'EENVELOPE', status: 550, msg: 'a mail was not sent, and is given up' },
  ])
  await one.mailer.close()
  await two.mailer.close()
})

test("neither the address nor the server's own text nor the password gets into the log", async () => {
  await using smtp = await startSmtp({
    onAuth: ({ username }, _, done) => done(new Error(`no ${username}`)),
  })
  const wrong = refusing(550, '5.1.1 <ada@example.com> is unknown here')
  await using other = await wrong.server
  const [one, two] = [open(`smtp://me:hunter2@127.0.0.1:${smtp.port}`), open(other.url)]
  one.mailer.send(mail)
  two.mailer.send(mail)
  await until('two warnings', () => one.warnings().length > 0 && two.warnings().length > 0)
  await one.mailer.close()
  await two.mailer.close()
  expect(one.warnings()[0]).toMatchObject({ code: 'EAUTH', status: 535 })
  expect(JSON.stringify([one.lines, two.lines])).not.toMatch(/ada|hunter2|unknown here|"me"|no me/)
})

test('whoever sends does not wait for a server that never answers, and a stop does so for 3 s', async () => {
  const sockets: { destroy(): void }[] = []
  const silent = createServer((socket) => void sockets.push(socket))
  await new Promise<void>((ready) => silent.listen(0, '127.0.0.1', ready))
  const address = silent.address()
  const { mailer, warnings } = open(`smtp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
  const start = performance.now()
  for (let i = 0; i < 6; i++) mailer.send({ ...mail, to: `ada${i}@example.com` })
  expect(performance.now() - start).toBeLessThan(100)
  await until('four connections', () => sockets.length === 4)
  await mailer.close()
  expect(performance.now() - start).toBeWithin(2900, 6000)
  expect(warnings()).toMatchObject([{ unsent: 6, msg: 'stopping with mails that were not sent' }])
  for (const socket of sockets) socket.destroy()
  silent.close()
})

test('an address gets ten mails in an hour, others go on', async () => {
  const to: string[] = []
  const open1 = async () => async (sent: typeof mail) => void to.push(sent.to)
  const { mailer, warnings } = open('smtp://127.0.0.1:9', { open: open1 })
  for (let i = 0; i < 12; i++) mailer.send(mail)
  mailer.send({ ...mail, to: 'bob@example.com' })
  await until('eleven mails', () => to.length === 11)
  expect(warnings()).toHaveLength(2)
  await mailer.close()
  expect(to.filter((address) => address === 'bob@example.com')).toHaveLength(1)
})

test('more mails than may wait are dropped', async () => {
  const { mailer, warnings } = open('smtp://127.0.0.1:9', { open: () => new Promise<never>(() => {}) })
  for (let i = 0; i < 1010; i++) mailer.send({ ...mail, to: `ada${i}@example.com` })
  expect(warnings()).toHaveLength(1010 - 1000 - 4)
  await mailer.close()
})
