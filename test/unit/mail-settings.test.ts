import { describe, expect, test } from 'bun:test'
import { ConfigError, readConfig } from '../../src/config.ts'

const MAIL_FROM = 'Doable <doable@example.com>'

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

const mailOf = (SMTP_URL: string) => readConfig({ SMTP_URL, MAIL_FROM }).mail

test('the server, its port and its user come from SMTP_URL', () => {
  expect(mailOf('smtp://me%40b.example:p%25%3Aw@mail.example.com')).toEqual({
    from: MAIL_FROM,
    host: 'mail.example.com',
    port: 587,
    secure: false,
    auth: { user: 'me@b.example', pass: 'p%:w' },
    name: undefined,
    starttls: 'required',
    verify: true,
    servername: undefined,
  })
  expect(mailOf('smtps://mail.example.com')).toMatchObject({ port: 465, secure: true, auth: undefined })
  expect(mailOf('smtp://[::1]:2525')).toMatchObject({ host: '::1', port: 2525 })
})

test('a password crosses a network by TLS only, unless the operator says otherwise', () => {
  expect(mailOf('smtp://a:b@mail.example.com')?.starttls).toBe('required')
  expect(mailOf('smtp://a:b@mail.example.com?requireTLS=false')?.starttls).toBe('offered')
  expect(mailOf('smtp://a:b@mail.example.com?ignoreTLS=true')?.starttls).toBe('ignored')
  expect(mailOf('smtp://relay.internal')?.starttls).toBe('offered')
  expect(mailOf('smtp://relay.internal?requireTLS=true')?.starttls).toBe('required')
  expect(mailOf('smtp://a:b@localhost')?.starttls).toBe('offered')
})

test('certificates are verified, except those of this machine, unless the operator says otherwise', () => {
  expect(mailOf('smtp://mail.example.com')?.verify).toBe(true)
  expect(mailOf('smtp://mail.example.com?tls.rejectUnauthorized=false')?.verify).toBe(false)
  for (const host of ['localhost', '127.0.0.1', '[::1]']) expect(mailOf(`smtp://${host}`)?.verify).toBe(false)
  for (const host of ['127.0.0.1.example.com', 'localhost.example.com'])
    expect(mailOf(`smtp://${host}`)?.verify).toBe(true)
  expect(mailOf('smtps://127.0.0.1?tls.rejectUnauthorized=true&tls.servername=mail.example.com')).toMatchObject({
    verify: true,
    servername: 'mail.example.com',
  })
})

describe('a fault names its variable and no value', () => {
  test.each([
    ['SMTP_URL', 'mail.example.com:587'],
    ['SMTP_URL', 'http://user:hunter2@mail.example.com'],
    ['SMTP_URL', 'smtp://user:hunter2@'],
    ['SMTP_URL', 'smtp://user:hunter2%@mail.example.com'],
    ['SMTP_URL', 'smtp://user:hunter2@mail.example.com/path'],
    ['SMTP_URL', 'smtp://user:hunter2@mail.example.com?logger=true'],
    ['SMTP_URL', 'smtp://user:hunter2@mail.example.com?ignoreTLS=yes'],
    ['MAIL_FROM', 'doable'],
    ['MAIL_FROM', 'Doable <doable@example.com'],
    ['MAIL_FROM', 'a@example.com, b@example.com'],
    ['MAIL_FROM', 'Doable <doable@example.com>\r\nBcc: hunter2@example.com'],
    ['PUBLIC_URL', 'todo.example.com'],
    ['PUBLIC_URL', 'https://todo.example.com/?hunter2=1'],
    ['PUBLIC_URL', 'https://user:hunter2@todo.example.com'],
  ])('%s', (name, value) => {
    const faults = faultsOf({ SMTP_URL: 'smtp://mail.example.com', MAIL_FROM, [name]: value })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toStartWith(name)
    expect(faults[0]).not.toContain('hunter2')
  })
})

test('each of SMTP_URL and MAIL_FROM needs the other', () => {
  expect(faultsOf({ SMTP_URL: 'smtp://mail.example.com' })).toEqual([expect.stringMatching(/^MAIL_FROM is required/)])
  expect(faultsOf({ MAIL_FROM })).toEqual([expect.stringMatching(/^MAIL_FROM needs SMTP_URL/)])
})

test('the sender is an address, or a name with one', () => {
  for (const from of ['doable@example.com', MAIL_FROM, 'Die Aufgäben <a@example.com>'])
    expect(readConfig({ SMTP_URL: 'smtp://mail.example.com', MAIL_FROM: from }).mail?.from).toBe(from)
})

test('the public address may have a path, and loses the slash at its end', () => {
  expect(readConfig({ PUBLIC_URL: 'https://todo.example.com/' }).publicUrl).toBe('https://todo.example.com')
  expect(readConfig({ PUBLIC_URL: 'https://example.com/todo/' }).publicUrl).toBe('https://example.com/todo')
})
