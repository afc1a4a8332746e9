import { type TObject, Type } from '@sinclair/typebox'
import { ProblemDocument } from '../http/problems.ts'
import { catalogue, type ProblemCode } from '../problem.ts'

// For the document alone: Better Auth checks what it is sent, and answers by these.

const email = Type.String({ format: 'email', examples: ['ada@analytical.engine'] })
const password = Type.String({ minLength: 8, maxLength: 128, examples: ['correct horse battery staple'] })
const time = Type.String({ format: 'date-time', examples: ['2026-11-20T22:02:42.578Z'] })
const sessionToken = Type.String({
  description: 'Stands for the session. Not a JWT: it is for these operations only.',
  examples: ['Yb3Kx8Q1mZr5Vt7Nc0Ws2Lp4Hd6Jf9Ga'],
})

const User = Type.Object({
  id: Type.String({ description: 'The `user_id` of every path.', examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'] }),
  name: Type.String({ examples: ['Ada'] }),
  email,
  emailVerified: Type.Boolean({ examples: [false] }),
  image: Type.Union([Type.String(), Type.Null()], { examples: [null] }),
  createdAt: time,
  updatedAt: time,
})

export const SignUp = Type.Object({ name: User.properties.name, email, password }, { additionalProperties: false })
export const SignIn = Type.Object({ email, password }, { additionalProperties: false })
export const Deletion = Type.Object(
  { password: Type.Optional(password) },
  { additionalProperties: false, description: 'The password, unless the session is younger than a day.' },
)
export const Nothing = Type.Object({}, { additionalProperties: false, examples: [{}] })

const described = (schema: TObject, description: string) => ({ ...schema, description })

export const SignedIn = Type.Object({ token: sessionToken, user: User }, { description: 'Signed in' })
export const Session = Type.Object(
  {
    session: Type.Object({ id: Type.String({ examples: ['h7Qw3Zx9'] }), token: sessionToken, expiresAt: time }),
    user: User,
  },
  { description: 'The session and whose it is; `null` without a session' },
)
export const Token = Type.Object(
  { token: Type.String({ examples: ['eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiIxIn0.c2ln'] }) },
  { description: 'A JWT, valid for 15 minutes' },
)
export const KeySet = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kid: Type.String({ examples: ['p0Xy5Rt8'] }),
        kty: Type.String({ examples: ['OKP'] }),
        alg: Type.String({ examples: ['EdDSA'] }),
        crv: Type.String({ examples: ['Ed25519'] }),
        x: Type.String({ examples: ['11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'] }),
      }),
    ),
  },
  { description: 'The public keys' },
)
export const Done = described(Type.Object({ success: Type.Boolean({ examples: [true] }) }), 'Done')

/** Better Auth's refusals that the document names: its own codes, and its own words. */
const refusals = {
  VALIDATION_ERROR: [400, '[body.email] Invalid email address'],
  INVALID_EMAIL: [400, 'Invalid email'],
  PASSWORD_TOO_SHORT: [400, 'Password too short'],
  PASSWORD_TOO_LONG: [400, 'Password too long'],
  INVALID_PASSWORD: [400, 'Invalid password'],
  SESSION_EXPIRED: [400, 'Session expired. Re-authenticate to perform this action.'],
  INVALID_EMAIL_OR_PASSWORD: [401, 'Invalid email or password'],
  UNAUTHORIZED: [401, 'Unauthorized'],
  INVALID_ORIGIN: [403, 'Invalid origin'],
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: [422, 'User already exists. Use another email.'],
} as const

/** The `response` entries of Better Auth's refusals, and of ours beside them. */
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
          .map((code) => refusal(status, code, refusals[code as keyof typeof refusals][1])),
      },
    ]),
  )
}

/** A refusal of Better Auth's: a problem document that still has the `code` and `message` which its clients go by. */
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
