import { createAuthClient } from 'better-auth/client'
import { jwtClient } from 'better-auth/client/plugins'
import { createDoable } from '../../src/client/index.ts'

/** What a front end does in the browser, with the browser's own cookies. Runs in a page. */
async function journey({ url, email, password }: { url: string; email: string; password: string }) {
  const auth = createAuthClient({ baseURL: url, plugins: [jwtClient()], fetchOptions: { credentials: 'include' } })
  const signedUp = await auth.signUp.email({ name: 'Ada', email, password })
  if (!signedUp.data) throw new Error('not signed up')
  const session = (await auth.getSession()).data?.user.email

  const doable = createDoable({
    url,
    userId: signedUp.data.user.id,
    token: async () => (await auth.token()).data?.token ?? '',
  })
  const { revision } = await doable.create({ title: 'Buy milk' })
  const titles = (await Array.fromAsync(doable.list())).map(({ title }) => title)
  const changes = doable.watch({ since: revision })
  const next = changes.next()
  await doable.create({ title: 'Buy tea' })
  const { value } = await next
  await changes.return()

  await auth.signOut()
  const signedOut = (await auth.getSession()).data
  const { error } = await auth.signIn.email({ email, password: 'incorrect horse' })
  const readableCookie = Reflect.get(globalThis, 'document').cookie
  return {
    session,
    titles,
    watched: value?.title,
    signedOut,
    refused: { status: error?.status, code: error?.code },
    readableCookie,
  }
}

Reflect.set(globalThis, 'journey', journey)
