import { Type } from '@sinclair/typebox'
import { ProblemDocument } from '../http/problems.ts'
import { catalogue, type ProblemCode } from '../problem.ts'

/** The longest text that any body below `/api/auth` may hold, in characters. Better Auth sets no limit of its own. */
export const MAX_TEXT = 2048

// Better Auth checks bodies itself, so the schemas of bodies and answers serve the OpenAPI document only.
// `refusal` below writes the service's answers as well.

const text = (options: object) => Type.String({ maxLength: MAX_TEXT, ...options })

const email = text({ format: 'email', examples: ['ada@analytical.engine'] })
/** Where one is chosen, Better Auth asks for 8 characters; where one is compared, a short one is only wrong. */
const units = 'Its length is counted in UTF-16 code units.'
const examples = ['correct horse battery staple']
const newPassword = Type.String({ minLength: 8, maxLength: 128, description: units, examples })
const password = Type.String({ maxLength: 128, description: units, examples })
const time = Type.String({ format: 'date-time', examples: ['2026-11-20T22:02:42.578Z'] })
const sessionToken = Type.String({
  description: 'Stands for the session. Not a JWT: it is for these operations only.',
  examples: ['k3f09zYb3Kx8Q1mZr5Vt7Nc0Ws2Lp4Hd6Jf9Ga'],
})

const User = Type.Object(
  {
    id: Type.String({ description: 'The `user_id` of every path.', examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'] }),
    name: Type.String({ examples: ['Ada'] }),
    email,
    emailVerified: Type.Boolean({ examples: [false] }),
    image: Type.Union([Type.String(), Type.Null()], { examples: [null] }),
    createdAt: time,
    updatedAt: time,
  },
  { $id: 'User', description: 'An account' },
)

const unknown = `Unknown members are ignored; no text may have more than ${MAX_TEXT} characters.`
const rememberMe = Type.Boolean({
  default: true,
  description: 'Without it the cookie ends with the browser, and the session after a day.',
})

export const SignUp = Type.Object(
  {
    name: text({ examples: ['Ada'] }),
    email,
    password: newPassword,
    image: Type.Optional(text({ description: 'The address of a picture.' })),
    rememberMe: Type.Optional(rememberMe),
  },
  { $id: 'SignUp', description: unknown },
)
export const SignIn = Type.Object(
  { email, password, rememberMe: Type.Optional(rememberMe) },
  { $id: 'SignIn', description: unknown },
)
export const Deletion = Type.Object(
  { password: Type.Optional(password) },
  { $id: 'AccountDeletion', description: `The password, unless the session is younger than a day. ${unknown}` },
)
const page = (what: string) =>
  text({
    description: `${what} Of an origin in \`CORS_ORIGINS\`; a path belongs to the page that asks. Without it: a page of Doable's own.`,
    examples: ['http://localhost:3000/new-password'],
  })
export const ResetRequest = Type.Object(
  { email, redirectTo: Type.Optional(page('The page that sets the password: it gets `?token=…`.')) },
  { $id: 'ResetRequest', description: unknown },
)
export const Reset = Type.Object(
  {
    newPassword,
    token: text({ description: 'From the link.', examples: ['Yb3Kx8Q1mZr5Vt7Nc0Ws2Lp4'] }),
  },
  { $id: 'PasswordReset', description: unknown },
)
export const VerificationRequest = Type.Object(
  { email, callbackURL: Type.Optional(page('Where the browser goes on to.')) },
  { $id: 'VerificationRequest', description: unknown },
)
export const VerificationQuery = Type.Object({
  token: Type.String({ description: 'From the mail.', examples: ['eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImEifQ.c2ln'] }),
  callbackURL: Type.Optional(
    Type.String({ description: 'Where the browser goes on to, with `?error=…` if it failed.' }),
  ),
})
export const Nothing = Type.Object({}, { description: unknown, examples: [{}] })

export const SignedIn = Type.Object({ token: sessionToken, user: User }, { $id: 'SignedIn', description: 'Signed in' })
export const Session = Type.Union(
  [
    Type.Object(
      {
        session: Type.Object(
          { id: Type.String({ examples: ['h7Qw3Zx9'] }), token: sessionToken, expiresAt: time },
          { $id: 'Session', description: 'A session' },
        ),
        user: User,
      },
      { $id: 'SessionOfUser', description: 'A session and its user' },
    ),
    Type.Null(),
  ],
  { description: 'The session and its user; `null` without a session, or with one that is over' },
)
export const Token = Type.Object(
  { token: Type.String({ examples: ['eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiIxIn0.c2ln'] }) },
  { $id: 'Token', description: 'A JWT, valid for 15 minutes' },
)
export const KeySet = Type.Object(
  {
    keys: Type.Array(
      Type.Object(
        {
          kid: Type.String({ examples: ['p0Xy5Rt8'] }),
          kty: Type.String({ examples: ['OKP'] }),
          alg: Type.String({ examples: ['EdDSA'] }),
          crv: Type.String({ examples: ['Ed25519'] }),
          x: Type.String({ examples: ['11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'] }),
        },
        { $id: 'PublicKey', description: 'A key of the set (RFC 7517)' },
      ),
    ),
  },
  { $id: 'KeySet', description: 'The public keys' },
)
const status = Type.Boolean({ examples: [true] })
export const Asked = Type.Object(
  {
    status,
    message: Type.String({ examples: ['If this email exists in our system, check your email for the reset link'] }),
  },
  { $id: 'Asked', description: 'Whether or not an account has the address' },
)
export const Settled = Type.Object({ status }, { $id: 'Settled', description: 'Done' })
export const Verified = Type.Object(
  { status, user: Type.Union([User, Type.Null()], { examples: [null] }) },
  { $id: 'Verified', description: 'The address is confirmed' },
)
export const Done = Type.Object({ success: Type.Boolean({ examples: [true] }) }, { $id: 'Done', description: 'Done' })

const PAGE_REFUSED = 'The link must lead to a page of an origin that is listed in CORS_ORIGINS.'

/** Our words for refusals of which Better Auth says only `Invalid origin`, for instance, by their codes. */
export const WORDS: Record<string, string> = {
  INVALID_ORIGIN: 'Pages of this origin may not sign in here: the origin must be listed in CORS_ORIGINS.',
  INVALID_CALLBACK_URL: PAGE_REFUSED,
  INVALID_REDIRECT_URL: PAGE_REFUSED,
  RESET_PASSWORD_DISABLED: 'This service sends no mails: ask whoever runs it for a link to set a new password.',
  VERIFICATION_EMAIL_NOT_ENABLED: 'This service sends no mails.',
}

/** Those refusals of Better Auth that the document names, with Better Auth's status and text. */
const refusals = {
  VALIDATION_ERROR: [400, '[body.email] Invalid email address'],
  INVALID_EMAIL: [400, 'Invalid email'],
  PASSWORD_TOO_SHORT: [400, 'Password too short'],
  PASSWORD_TOO_LONG: [400, 'Password too long'],
  INVALID_PASSWORD: [400, 'Invalid password'],
  SESSION_EXPIRED: [400, 'Session expired. Re-authenticate to perform this action.'],
  INVALID_EMAIL_OR_PASSWORD: [401, 'Invalid email or password'],
  UNAUTHORIZED: [401, 'Unauthorized'],
  FAILED_TO_GET_SESSION: [401, 'Failed to get session'],
  INVALID_ORIGIN: [403, 'Invalid origin'],
  INVALID_CALLBACK_URL: [403, 'Invalid callbackURL'],
  INVALID_REDIRECT_URL: [403, 'Invalid redirectURL'],
  INVALID_TOKEN: [400, 'Invalid token'],
  RESET_PASSWORD_DISABLED: [400, "Reset password isn't enabled"],
  VERIFICATION_EMAIL_NOT_ENABLED: [400, "Verification email isn't enabled"],
  EMAIL_MISMATCH: [400, 'Email mismatch'],
  EMAIL_ALREADY_VERIFIED: [400, 'Email is already verified'],
  TOKEN_EXPIRED: [401, 'Token expired'],
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: [422, 'User already exists. Use another email.'],
} as const

/** The `response` entries for refusals of Better Auth and for problems of the catalogue. */
export function refused(...codes: (keyof typeof refusals | ProblemCode)[]) {
  const statusOf = (code: (typeof codes)[number]) =>
    code in refusals ? refusals[code as keyof typeof refusals][0] : catalogue[code as ProblemCode][0]
  return Object.fromEntries(
    [...Map.groupBy(codes, statusOf)].map(([status, names]) => [
      status,
      {
        ...ProblemDocument,
        description: names.map((name) => `\`${name}\``).join(', '),
        'x-codes': names.filter((name) => name in catalogue),
        'x-examples': names
          .filter((name) => name in refusals)
          .map((code) => refusal(status, code, WORDS[code] ?? refusals[code as keyof typeof refusals][1])),
      },
    ]),
  )
}

/** A refusal of Better Auth as a problem document. Better Auth's clients read its `code` and `message`. */
export function refusal(status: number, code: string, message: string): ProblemDocument {
  return {
    type: `urn:doable:problem:account:${code.toLowerCase().replaceAll('_', '-')}`,
    title: 'Refused',
    status,
    detail: message,
    code,
    message,
    request_id: '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80',
  }
}
