import type { WebFile } from '../../web/build.ts'

/**
 * The task application's files. From source they are bundled here, at the first request; `scripts/build.ts`
 * puts a module in the place of this one that reads them out of the program.
 */
export async function openFiles(): Promise<WebFile[]> {
  const { buildWeb } = await import('../../web/build.ts')
  return buildWeb()
}
