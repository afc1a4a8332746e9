import { expect } from 'bun:test'
import type { ProblemDocument } from '../../src/http/problems.ts'

/** What no answer may hold: stacks, files, SQL, and the libraries' own words. */
const INSIDE =
  /\bat \S+ \(|\\n|\.[jt]s:\d|node_modules|\/src\/|\b(select|insert into|update \w+ set|delete from) |sqlstate|drizzle|pglite|postgres|elysia|typebox|\bjose\b|\[object|expected|undefined|nan\b/i

/** What a 401 may not hold either: parts of tokens, and which check failed. */
const OF_TOKENS = /ey[JK]|alg|HS256|signature|secret|stack/i

const FIELDS = ['code', 'detail', 'request_id', 'status', 'title', 'type']

/**
 * Compares a refusal with RFC 9457 and the contract: status and code as given, a well-formed document, the header
 * fields of its status, and no word of the service's internals.
 *
 * @param pointers all JSON Pointers of the refusal, in any order. Those of `validation-failed` may be left out.
 * @param unseen what was sent, and so must not come back.
 */
export async function expectProblem(
  response: Response,
  status: number,
  code: string,
  { pointers, unseen = [] }: { pointers?: string[]; unseen?: string[] } = {},
): Promise<ProblemDocument> {
  const text = await response.text()
  expect(`${response.status} ${text}`).toStartWith(`${status} {`)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const problem = JSON.parse(text) as ProblemDocument
  expect(problem).toMatchObject({ status, code, type: `urn:doable:problem:${code}` })
  expect(problem.request_id).toMatch(/^[\w.:-]{1,128}$/)
  expect(response.headers.get('x-request-id')).toBe(problem.request_id)
  expect(problem.title).toMatch(/^[A-Z]/)
  // A fault's sentence begins with the name of what is wrong, which is small.
  expect(problem.detail).toMatch(status === 422 ? /^[A-Za-z].*[.?]$/s : /^[A-Z].*[.?]$/s)
  // A pointer holds the name of an unknown field, which is the client's own.
  const ours = { ...problem, request_id: '', errors: problem.errors?.map(({ detail }) => detail) }
  expect(JSON.stringify(ours)).not.toMatch(INSIDE)
  for (const sent of unseen) expect(text).not.toContain(sent)

  const located = status === 422 || pointers !== undefined
  const isOfAccounts = URL.parse(response.url)?.pathname.startsWith('/api/auth/') ?? false
  const fields = [...FIELDS, ...(located ? ['errors'] : []), ...(isOfAccounts ? ['message'] : [])]
  expect(Object.keys(problem).sort()).toEqual(fields.sort())
  if (isOfAccounts) expect(problem.message).toBe(problem.detail)
  if (located) {
    expect(problem.errors).not.toBeEmpty()
    for (const { pointer, detail, ...rest } of problem.errors ?? []) {
      expect(pointer).toMatch(/^(\/.*)?$/s)
      expect(detail).toMatch(/\w/)
      expect(rest).toEqual({})
    }
    if (pointers) expect(problem.errors?.map(({ pointer }) => pointer).sort()).toEqual([...pointers].sort())
  }
  if (status === 401) {
    expect(text).not.toMatch(OF_TOKENS)
    expectChallenge(response.headers.get('www-authenticate'), code)
  }
  if (status === 405) expect(response.headers.get('allow')).toMatch(/^[A-Z]+(, [A-Z]+)*$/)
  return problem
}

/** RFC 6750, section 3. Without a token the challenge names no error (3.1). At `/mcp` it leads on (RFC 9728, 5.1). */
function expectChallenge(challenge: string | null, code: string): void {
  const own = challenge?.replace(/,? resource_metadata="http[^"\s]+\/\.well-known\/oauth-protected-resource\/mcp"$/, '')
  if (code === 'token-missing') expect(own).toBe('Bearer')
  else expect(own).toMatch(/^Bearer error="invalid_token", error_description="[\x20\x21\x23-\x5b\x5d-\x7e]+"$/)
}
