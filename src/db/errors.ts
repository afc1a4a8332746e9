import { causes } from '../problem.ts'

/** Rejected by the server or by TLS: retrying cannot help. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** SQLSTATEs and codes of a server that rejected the login: role, password, database or protocol. */
const REJECTED = /^(28...|3D000|08P01|SASL.*)$/

/** Whether the server has answered, and would answer the same way again. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Refusal || REJECTED.test(codeOf(error) ?? '')
}

/** The SQLSTATE of a database error, under whatever Drizzle has wrapped it in. */
export function sqlState(error: unknown): string | undefined {
  const code = codeOf(error)
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** The code of a driver's error, under whatever Drizzle has wrapped it in. */
export function codeOf(error: unknown): string | undefined {
  for (const at of causes(error)) if ('code' in at && typeof at.code === 'string') return at.code
  return undefined
}
