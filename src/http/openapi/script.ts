import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import scalar from '../../../node_modules/@scalar/api-reference/dist/browser/standalone.js' with { type: 'file' }

/**
 * Scalar's script, compressed. From source this takes a quarter of a second, once; `scripts/build.ts` puts a module
 * in the place of this one that reads the compressed script out of the program.
 */
export async function readScript(): Promise<Uint8Array> {
  return promisify(gzip)(await Bun.file(scalar).bytes())
}
