import { type Host, print, readArgs } from './host.ts'

/** Prints the OpenAPI document. */
export async function openapi(args: string[], host: Host): Promise<number> {
  readArgs(args, 0)
  // Loads modules of both drivers, which no other command needs.
  const { describeApi } = await import('../describe.ts')
  await print(host.stdout, `${JSON.stringify(await describeApi(), null, 2)}\n`)
  return 0
}
