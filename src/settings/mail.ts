import { type Static, Type } from '@sinclair/typebox'
import { url } from './kinds.ts'

/** Options that the query of `SMTP_URL` may have, in nodemailer's spelling. */
const OPTIONS = ['ignoreTLS', 'requireTLS', 'name', 'tls.rejectUnauthorized', 'tls.servername']

/** `ada@example.com` or `Ada <ada@example.com>`, without anything that would end a header line (RFC 5322, 3.4). */
const MAILBOX = /^(?:[^<>\p{Cc}",;:]*<[^\s<>@",;:]+@[^\s<>@",;:]+>|[^\s<>@",;:]+@[^\s<>@",;:]+)$/u

export const mailVariables = {
  PUBLIC_URL: Type.Optional(
    url(/^https?:$/, 'must be the http:// or https:// address under which browsers reach Doable'),
  ),
  SMTP_URL: Type.Optional(url(/^smtps?:$/, 'must look like smtp://user:password@mail.example.com:587, or smtps://…')),
  MAIL_FROM: Type.Optional(Type.String()),
}

const variables = Type.Object(mailVariables)

/** How mails leave: a server, and the sender that they name. */
export interface MailSettings {
  readonly from: string
  readonly host: string
  readonly port: number
  /** Whether TLS begins at once (smtps), not by STARTTLS. */
  readonly secure: boolean
  readonly auth: { readonly user: string; readonly pass: string } | undefined
  /** What the server is greeted as; the machine's name by default. */
  readonly name: string | undefined
  /** Whether STARTTLS must be there, or must not be used. */
  readonly starttls: 'required' | 'ignored' | 'offered'
  /** Whether the certificate counts. Not on this machine, whose own servers have one that nobody has signed. */
  readonly verify: boolean
  readonly servername: string | undefined
}

/** Undefined where no mails are sent. */
export function readMail(values: Static<typeof variables>, faults: string[]): MailSettings | undefined {
  const { SMTP_URL, MAIL_FROM } = values
  if (MAIL_FROM !== undefined && !MAILBOX.test(MAIL_FROM))
    faults.push('MAIL_FROM must look like doable@example.com or Doable <doable@example.com>')
  if (SMTP_URL === undefined) {
    if (MAIL_FROM !== undefined) faults.push('MAIL_FROM needs SMTP_URL: nothing else sends mails')
    return undefined
  }
  if (MAIL_FROM === undefined) faults.push('MAIL_FROM is required with SMTP_URL: the sender that mails name')
  // A wrong address is a fault already, by its kind.
  const server = URL.parse(SMTP_URL)
  if (!/^smtps?:$/.test(server?.protocol ?? '') || server === null) return undefined
  return readServer(server, MAIL_FROM ?? '', faults)
}

/** The address under which browsers reach Doable, without a slash at the end. */
export function readPublicUrl(text: string | undefined, faults: string[]): string | undefined {
  const address = text === undefined ? null : URL.parse(text)
  if (address === null) return undefined
  if (address.search !== '' || address.hash !== '' || address.username !== '' || address.password !== '')
    faults.push('PUBLIC_URL must have no user, query or fragment')
  return address.href.replace(/\/+$/, '')
}

function readServer(server: URL, from: string, faults: string[]): MailSettings {
  const { hostname, protocol, searchParams } = server
  if (hostname === '') faults.push('SMTP_URL must name a host')
  if (!['', '/'].includes(server.pathname) || server.hash !== '')
    faults.push('SMTP_URL must have no path and no fragment')
  if ([...searchParams.keys()].some((name) => !OPTIONS.includes(name)))
    faults.push(`SMTP_URL takes the options ${OPTIONS.join(', ')}, and no other`)
  const flag = (name: string): boolean | undefined => {
    const value = searchParams.get(name)
    if (value !== null && !['true', 'false'].includes(value)) faults.push(`SMTP_URL: ${name} must be true or false`)
    return value === null ? undefined : value === 'true'
  }
  // An address of IPv6 stands in brackets.
  const host = hostname.replace(/^\[|\]$/g, '')
  const isLocal = /^(localhost|127(\.\d+){3}|::1)$/.test(host)
  const auth = readAuth(server, faults)
  const [ignored, required] = [flag('ignoreTLS'), flag('requireTLS')]
  return {
    from,
    host,
    port: server.port === '' ? (protocol === 'smtps:' ? 465 : 587) : Number(server.port),
    secure: protocol === 'smtps:',
    auth,
    name: searchParams.get('name') ?? undefined,
    // A password must not cross a network in the clear.
    starttls: ignored ? 'ignored' : (required ?? (auth !== undefined && !isLocal)) ? 'required' : 'offered',
    verify: flag('tls.rejectUnauthorized') ?? !isLocal,
    servername: searchParams.get('tls.servername') ?? undefined,
  }
}

function readAuth({ username, password }: URL, faults: string[]): MailSettings['auth'] {
  if (username === '' && password === '') return undefined
  try {
    return { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
  } catch {
    faults.push('SMTP_URL: write a % of the user or password as %25')
    return undefined
  }
}
