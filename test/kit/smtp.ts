import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as the server got it. */
export interface Received {
  from: string
  to: string[]
  /** Names in lower case. */
  headers: Map<string, string>
  text: string
  /** The first address of the text. */
  link: string
}

export interface Smtp extends AsyncDisposable {
  readonly port: number
  /** Without TLS and a user. */
  readonly url: string
  readonly mails: Received[]
  /** Resolves when that many mails have come. */
  got(count: number): Promise<Received[]>
}

/** Starts a real SMTP server on a free port, or on the given one. */
export async function startSmtp(options: SMTPServerOptions = {}, port = 0): Promise<Smtp> {
  const mails: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom ? mailFrom.address : ''
        mails.push(
          readMail(
            Buffer.concat(chunks).toString(),
            from,
            rcptTo.map(({ address }) => address),
          ),
        )
        done()
      })
    },
    ...options,
  })
  // A client that goes away in the middle is no failure of the server's.
  server.on('error', () => {})
  await new Promise<void>((ready) => server.listen(port, '127.0.0.1', () => ready()))
  const address = server.server.address()
  const bound = typeof address === 'object' && address ? address.port : 0
  return {
    port: bound,
    url: `smtp://127.0.0.1:${bound}`,
    mails,
    async got(count) {
      for (const giveUp = Date.now() + 30_000; mails.length < count; await Bun.sleep(20))
        if (Date.now() > giveUp) throw new Error(`${mails.length} mails have come, not ${count}`)
      return mails
    },
    [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())),
  }
}

/** Reads a mail of one part in quoted-printable (RFC 2045, 6.7), as Doable sends it. */
function readMail(raw: string, from: string, to: string[]): Received {
  const [head = '', ...body] = raw.split('\r\n\r\n')
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  const headers = new Map(lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.replace(/^[^:]*: */, '')]))
  const bytes = body
    .join('\r\n\r\n')
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const text = Buffer.from(bytes, 'latin1').toString()
  return { from, to, headers, text, link: /https?:\/\/\S+/.exec(text)?.[0] ?? '' }
}
