import { eq } from 'drizzle-orm'
import type { Db } from './database.ts'
import { settings } from './schema.ts'

/**
 * A value that is made once and is the same in every replica: of several first starts at once, one
 * writes it and all read it back.
 */
export async function keptSetting(db: Db, name: string, make: () => string): Promise<string> {
  const read = () => db.select({ value: settings.value }).from(settings).where(eq(settings.name, name))
  const [kept] = await read()
  if (kept) return kept.value
  await db.insert(settings).values({ name, value: make() }).onConflictDoNothing()
  const [made] = await read()
  if (!made) throw new Error(`the setting ${name} cannot be read back`)
  return made.value
}
