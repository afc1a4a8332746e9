import { join } from 'node:path'

const project = join(import.meta.dir, '../..')

/** The text of a file of the project, by its path from the top. */
export const readProjectFile = (path: string): Promise<string> => Bun.file(join(project, path)).text()

/**
 * The one block of `docs/deploy.md` that holds this text.
 *
 * @throws Error when none or several do: the test would run something else than what it names.
 */
export async function readBlock(language: 'sh' | 'sql' | 'ini', text: string): Promise<string> {
  const page = await readProjectFile('docs/deploy.md')
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, block = '']) =>
    name === language && block.includes(text) ? [block] : [],
  )
  const [block] = blocks
  if (block === undefined || blocks.length > 1)
    throw new Error(`docs/deploy.md has ${blocks.length} ${language} blocks with: ${text}`)
  return block
}

/** The statements of a block one by one, as psql sends them: CREATE DATABASE must not share a transaction. */
export async function readStatements(text: string): Promise<string[]> {
  const block = await readBlock('sql', text)
  return block.split(/;\n/).filter((statement) => statement.trim() !== '')
}
