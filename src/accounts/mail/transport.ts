import { createTransport } from 'nodemailer'
import type { MailSettings } from '../../settings/mail.ts'

/** The longest that the server may say nothing, in milliseconds. */
const SILENCE_MS = 10_000

/** A message to one address. `text` is all of it: plain text needs nothing from anywhere. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** Hands one mail to the server. Rejects with nodemailer's error. */
export type Deliver = (mail: Mail) => Promise<void>

/** A connection for each mail: mails are rare, and a server may forget one that is kept. */
export function openTransport(settings: MailSettings): Deliver {
  const { from, host, port, secure, auth, name, starttls, verify, servername } = settings
  const transport = createTransport({
    host,
    port,
    secure,
    ...(auth && { auth }),
    ...(name !== undefined && { name }),
    ignoreTLS: starttls === 'ignored',
    requireTLS: starttls === 'required',
    tls: { rejectUnauthorized: verify, ...(servername !== undefined && { servername }) },
    dnsTimeout: SILENCE_MS,
    connectionTimeout: SILENCE_MS,
    greetingTimeout: SILENCE_MS,
    socketTimeout: SILENCE_MS,
    // Its log holds the password.
    logger: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return async ({ to, subject, text }) => {
    await transport.sendMail({
      from,
      // Not as text, which could be read as several addresses.
      to: { name: '', address: to },
      subject,
      text,
      textEncoding: 'quoted-printable',
      // Nobody's holiday notice answers it (RFC 3834, 5).
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
  }
}
