import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Copies the task application (`web/app`) into the examples, so that each of them can be taken away as a whole. With
 * `--check` only says where a copy differs.
 */
const root = join(import.meta.dir, '..')
const source = join(root, 'web/app')
const copies = ['accounts-inside', 'better-auth-in-front'].map((name) => join(root, 'examples', name, 'task-app'))

async function textsOf(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder).catch(() => [])
  return Object.fromEntries(
    await Promise.all(names.sort().map(async (name) => [name, await Bun.file(join(folder, name)).text()])),
  )
}

/** The files of a copy that are missing, different or too many. */
async function differences(copy: string): Promise<string[]> {
  const [ours, theirs] = await Promise.all([textsOf(source), textsOf(copy)])
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)])
  return [...names].filter((name) => ours[name] !== theirs[name]).map((name) => join(copy, name))
}

if (process.argv.includes('--check')) {
  const different = (await Promise.all(copies.map(differences))).flat()
  for (const path of different)
    process.stderr.write(`${path}: is not what web/app has: change that, and run \`bun run copy-web\`\n`)
  process.exit(different.length === 0 ? 0 : 1)
}
for (const copy of copies) {
  await rm(copy, { recursive: true, force: true })
  await cp(source, copy, { recursive: true })
}
