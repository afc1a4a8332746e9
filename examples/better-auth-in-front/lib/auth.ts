import { betterAuth } from 'better-auth'
import { type MemoryDB, memoryAdapter } from 'better-auth/adapters/memory'
import { jwt } from 'better-auth/plugins/jwt'

// In memory, so that there is nothing to install: put your own database here. On the global
// object, because development loads this module more than once.
const kept = globalThis as { authTables?: MemoryDB }
kept.authTables ??= { user: [], session: [], account: [], verification: [], jwks: [] }

export const auth = betterAuth({
  // The address that Doable is told: BETTER_AUTH_URL is the same there and here.
  baseURL: process.env.BETTER_AUTH_URL ?? 'http://localhost:3000',
  secret: process.env.FRONT_SECRET ?? 'only-for-trying-this-out-on-one-machine',
  database: memoryAdapter(kept.authTables),
  emailAndPassword: { enabled: true },
  plugins: [jwt()],
  telemetry: { enabled: false },
})
