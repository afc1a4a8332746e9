import { connect } from './connect.ts'

/** Better Auth answers below this site's own `/api/auth`; Doable is another address. */
export const backend = connect({
  authUrl: typeof window === 'undefined' ? 'http://localhost:3000' : window.location.origin,
  doableUrl: process.env.NEXT_PUBLIC_DOABLE_URL ?? 'http://localhost:8000',
})
