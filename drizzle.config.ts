import { defineConfig } from 'drizzle-kit'

/** `bun run generate` writes the SQL of a schema change into `drizzle/`. */
export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/db/schema.ts', './src/db/account-schema.ts', './src/db/oauth-schema.ts'],
  out: './drizzle',
})
