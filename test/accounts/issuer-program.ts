/**
 * A Better Auth as a front end runs it, in a process of its own: e-mail and password, and
 * its `jwt` plugin with its defaults. Prints its address as JSON. `POST /rotate` lets its keys expire.
 */
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { jwt } from 'better-auth/plugins/jwt'

interface Key {
  expiresAt?: Date
}
const tables = { user: [], session: [], account: [], verification: [], jwks: [] as Key[] }

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request): Promise<Response> {
    if (new URL(request.url).pathname !== '/rotate') return auth.handler(request)
    for (const key of tables.jwks) key.expiresAt = new Date()
    return new Response()
  },
})
const auth = betterAuth({
  baseURL: `http://127.0.0.1:${server.port}`,
  secret: crypto.randomUUID() + crypto.randomUUID(),
  database: memoryAdapter(tables),
  emailAndPassword: { enabled: true },
  plugins: [jwt()],
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
})
process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.port}` })}\n`)
