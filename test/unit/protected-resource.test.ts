import { expect, test } from 'bun:test'
import { withResourceMetadata } from '../../src/http/protected-resource.ts'

const METADATA = 'resource_metadata="http://doable.example.com/.well-known/oauth-protected-resource/mcp"'

async function challengeAt(path: string, status: number, challenge?: string): Promise<string | null> {
  const answer = async () => new Response(null, { status, headers: challenge ? { 'www-authenticate': challenge } : {} })
  const url = `http://doable.example.com${path}`
  const request = new Request(url, { headers: { host: 'doable.example.com' } })
  return (await withResourceMetadata(answer)(request)).headers.get('www-authenticate')
}

test('a refusal at /mcp says where to get a token, whatever else it says', async () => {
  expect(await challengeAt('/mcp', 401, 'Bearer')).toBe(`Bearer ${METADATA}`)
  expect(await challengeAt('/mcp/', 401, 'Bearer error="invalid_token"')).toBe(
    `Bearer error="invalid_token", ${METADATA}`,
  )
  expect(await challengeAt('/mcp?x=1', 403, 'Bearer error="insufficient_scope", scope="tasks:write"')).toBe(
    `Bearer error="insufficient_scope", scope="tasks:write", ${METADATA}`,
  )
})

test('elsewhere, and where nothing is refused, nothing is added', async () => {
  expect(await challengeAt('/api/ann/tasks', 401, 'Bearer')).toBe('Bearer')
  expect(await challengeAt('/mcpx', 401, 'Bearer')).toBe('Bearer')
  expect(await challengeAt('/mcp', 403)).toBeNull()
  expect(await challengeAt('/mcp', 200, 'Bearer')).toBe('Bearer')
})
