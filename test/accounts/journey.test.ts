import { describe, expect, test } from 'bun:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { claims, forge } from '../kit/forge.ts'
import { newPerson, PASSWORD } from '../kit/person.ts'
import { bearer, send } from '../kit/send.ts'
import { useService } from '../kit/service.ts'

describe.each(databases)("accounts by Better Auth's own client over %s", (kind) => {
  const service = useService(kind)

  test('from nothing to tasks, and back to nothing', async () => {
    const ada = newPerson(service().url, `Ada.${crypto.randomUUID()}@Example.com`)
    const signedUp = await ada.signUp()
    expect(signedUp.error).toBeNull()
    const id = signedUp.data?.user.id ?? ''
    expect(signedUp.data?.user).toMatchObject({ name: 'Ada', email: ada.email.toLowerCase() })
    expect((await ada.client.getSession()).data?.user.id).toBe(id)

    const token = await ada.token()
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'EdDSA', kid: expect.any(String) })
    const claims = decodeJwt(token)
    expect(Object.keys(claims).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'sid', 'sub'])
    expect(claims).toMatchObject({ sub: id, exp: Number(claims.iat) + 15 * 60 })

    const tasks = `/api/${id}/tasks`
    const made = await send(service().url, 'POST', tasks, { title: 'Buy milk' }, bearer(token))
    expect(made.status).toBe(201)
    expect(await made.json()).toMatchObject({ title: 'Buy milk', user_id: id })

    expect((await ada.client.signOut()).data?.success).toBe(true)
    expect((await ada.client.getSession()).data).toBeNull()
    expect((await ada.client.token()).error).toMatchObject({ status: 401, code: 'UNAUTHORIZED' })
    expect((await ada.signIn()).error).toBeNull()
    const again = await ada.token()
    const seen = await send(service().url, 'GET', tasks, undefined, bearer(again))
    expect(await seen.json()).toMatchObject([{ title: 'Buy milk' }])

    expect((await ada.client.deleteUser({ password: PASSWORD })).data?.success).toBe(true)
    await expectProblem(await send(service().url, 'GET', tasks, undefined, bearer(again)), 401, 'token-invalid')
    const late = await send(service().url, 'POST', tasks, { title: 'By nobody' }, bearer(again))
    await expectProblem(late, 401, 'token-invalid')
    expect((await ada.signIn()).error).toMatchObject({ status: 401, code: 'INVALID_EMAIL_OR_PASSWORD' })
    expect((await ada.signUp()).error).toBeNull()
  })

  test("another account's tasks are out of reach", async () => {
    const [ada, bob] = [newPerson(service().url), newPerson(service().url)]
    const id = (await ada.signUp()).data?.user.id
    await bob.signUp()
    expect((await send(service().url, 'GET', `/api/${id}/tasks`, undefined, bearer(await bob.token()))).status).toBe(
      403,
    )
  })

  test('erasing the data leaves the account, and deletes it with account=true', async () => {
    const ada = newPerson(service().url)
    const id = (await ada.signUp()).data?.user.id ?? ''
    const token = await ada.token()
    const erase = (query: string) =>
      send(service().url, 'DELETE', `/api/${id}?confirm=${id}${query}`, undefined, bearer(token))
    expect((await erase('&account=perhaps')).status).toBe(422)
    expect((await erase('')).status).toBe(204)
    expect((await ada.client.getSession()).data?.user.id).toBe(id)
    expect((await erase('&account=true')).status).toBe(204)
    await expectProblem(await erase(''), 401, 'token-invalid')
    expect((await ada.client.getSession()).data).toBeNull()
    expect((await ada.signIn()).error?.status).toBe(401)
  })

  test('a token without a session of the user cannot delete the account', async () => {
    const ada = newPerson(service().url)
    const id = (await ada.signUp()).data?.user.id ?? ''
    const path = `/api/${id}?confirm=${id}&account=true`
    const erase = (token: string) => send(service().url, 'DELETE', path, undefined, bearer(token))
    const signedOut = await ada.token()
    await ada.client.signOut()
    const other = newPerson(service().url)
    await other.signUp()
    const sid = decodeJwt(await other.token())['sid']
    for (const token of [
      signedOut,
      forge({ claims: claims({ sub: id }) }),
      forge({ claims: claims({ sub: id, sid }) }),
    ])
      await expectProblem(await erase(token), 403, 'session-not-fresh')
    expect((await ada.signIn()).error).toBeNull()
    expect((await erase(await ada.token())).status).toBe(204)
  })

  test('a changed password ends the other sessions when asked to', async () => {
    const [laptop, phone] = [newPerson(service().url, 'eve@example.com'), newPerson(service().url, 'eve@example.com')]
    await laptop.signUp()
    await phone.signIn()
    const newPassword = 'staple battery horse correct'
    const changed = await laptop.client.changePassword({
      currentPassword: PASSWORD,
      newPassword,
      revokeOtherSessions: true,
    })
    expect(changed.error).toBeNull()
    expect((await phone.client.getSession()).data).toBeNull()
    expect((await phone.signIn(newPassword)).error).toBeNull()
    expect((await phone.client.listSessions()).data).toHaveLength(2)
  })

  test("the shared secret's tokens work beside those of accounts", async () => {
    expect((await service().request('alice', 'GET', '/api/alice/tasks')).status).toBe(200)
  })

  test('auth is a user id like any other', async () => {
    const made = await service().request('auth', 'POST', '/api/auth/tasks', { title: 'Mine' })
    expect(made.status).toBe(201)
    const location = made.headers.get('location') ?? ''
    expect(location).toStartWith('/api/auth/tasks/')
    expect((await service().request('auth', 'GET', location)).status).toBe(200)
    expect((await service().request('auth', 'DELETE', '/api/auth?confirm=auth')).status).toBe(204)
  })
})
