import { isWeakSecret } from '../auth/secret.ts'

const MAKE_ONE = 'Make one: openssl rand -base64 32'

/** Adds a fault for each secret that is too short or that others know. */
export function checkSecrets(current: string | undefined, previous: readonly string[], faults: string[]): void {
  const all = [
    ...(current === undefined ? [] : [['BETTER_AUTH_SECRET', current] as const]),
    ...previous.map((value) => ['BETTER_AUTH_SECRETS_PREVIOUS', value] as const),
  ]
  for (const [name, value] of all) {
    if (value.length < 32) faults.push(`${name} must have at least 32 characters. ${MAKE_ONE}`)
    else if (isWeakSecret(value)) faults.push(`${name} is a placeholder or well known. ${MAKE_ONE}`)
  }
}

/** The embedded database keeps a generated secret beside it; where a key set issues all tokens, none is needed. */
export function requireSecret(current: string | undefined, faults: string[]): void {
  if (current === undefined)
    faults.push(
      `BETTER_AUTH_SECRET is required with DATABASE_URL, unless all tokens are issued by JWKS_URL or BETTER_AUTH_URL. ${MAKE_ONE}`,
    )
}
