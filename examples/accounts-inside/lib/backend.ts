import { connect } from './connect.ts'

const doableUrl = process.env.NEXT_PUBLIC_DOABLE_URL ?? 'http://localhost:8000'

/** Doable has the accounts, so both are one address. */
export const backend = connect({ authUrl: doableUrl, doableUrl })
