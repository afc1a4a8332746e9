import { describe, expect, test } from 'bun:test'
import type { Tokens } from '../../src/auth/token.ts'
import { isStillAdmitted } from '../../src/auth/user.ts'
import { Problem, type ProblemCode } from '../../src/problem.ts'
import { databases } from '../kit/boot.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { useService } from '../kit/service.ts'
import { openStream } from '../kit/stream.ts'

describe.each(databases)('a stream over %s', (kind) => {
  const service = useService(kind, { ACCOUNTS: 'on' })

  test('ends soon after its account is deleted, although its token has not expired', async () => {
    const ada = newPerson(service().url)
    const { data } = await ada.signUp()
    const stream = await openStream(service(), data?.user.id ?? '', '', { token: await ada.token() })
    const ben = newPerson(service().url)
    const other = await openStream(service(), (await ben.signUp()).data?.user.id ?? '', '', {
      token: await ben.token(),
    })
    expect((await ada.client.deleteUser({ password: PASSWORD })).data?.success).toBe(true)
    expect(await Promise.race([stream.ended, Bun.sleep(20_000)])).toBe('end')
    expect(await Promise.race([other.ended, Bun.sleep(100)])).toBeUndefined()
    await other.close()
  })
})

const refusals: [code: ProblemCode, isAdmitted: boolean][] = [
  ['token-expired', false],
  ['token-invalid', false],
  ['keys-unavailable', true],
  ['database-unavailable', true],
]
for (const [code, isAdmitted] of refusals)
  test(`a token whose check says ${code} ${isAdmitted ? 'ends no stream' : 'ends its streams'}`, async () => {
    const verify = () => Promise.reject(new Problem(code, 'as the issuer says'))
    const tokens: Pick<Tokens, 'verify'> = { verify }
    expect(await isStillAdmitted(tokens, 'Bearer a.b.c')).toBe(isAdmitted)
  })
