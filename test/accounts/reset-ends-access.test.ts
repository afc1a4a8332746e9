import { expect, setDefaultTimeout, test } from 'bun:test'
import { boot, databases } from '../kit/boot.ts'
import { newProgram, newSignedIn } from '../kit/oauth-program.ts'
import { send } from '../kit/send.ts'
import { startSmtp } from '../kit/smtp.ts'

setDefaultTimeout(120_000)

test.each(databases)(
  'over %s, a reset password ends the access of programs, and of that account alone',
  async (kind) => {
    await using smtp = await startSmtp()
    const { url, stop } = await boot(kind, { SMTP_URL: smtp.url, MAIL_FROM: 'doable@example.com' })
    const [ada, bob] = [await newSignedIn(url), await newSignedIn(url)]
    const program = await newProgram(url)
    const { refresh_token: adas = '' } = await program.tokensFor(ada)
    const { refresh_token: bobs = '' } = await program.tokensFor(bob)

    await send(url, 'POST', '/api/auth/request-password-reset', { email: ada.email })
    const mail = (await smtp.got(3)).find(({ link }) => link.includes('/reset-password'))
    const token = new URL(mail?.link ?? '').searchParams.get('token')
    const body = { token, newPassword: 'staple battery horse correct' }
    expect((await send(url, 'POST', '/api/auth/reset-password', body)).status).toBe(200)

    expect((await program.refresh(adas)).status).toBe(400)
    expect((await program.refresh(bobs)).status).toBe(200)
    await stop()
  },
)
