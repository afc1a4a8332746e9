import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'

/** `gzip`, or anything, without a weight of zero (RFC 9110, 12.5.3). */
const TAKES_GZIP = /(?:^|,)\s*(?:x-gzip|gzip|\*)\s*(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i
const REFUSES_GZIP = /(?:^|,)\s*(?:x-)?gzip\s*;\s*q=0(?:\.0*)?\s*(?:,|$)/i

/** Something that stays the same while the process lives. */
export interface Asset {
  type: string
  /** By gzip (RFC 1952). */
  packed: Uint8Array
  tag: string
}

/** Makes an asset of a text, or of bytes that are compressed already. */
export async function makeAsset(type: string, content: string | Uint8Array): Promise<Asset> {
  const packed = typeof content === 'string' ? await promisify(gzip)(content) : content
  return { type, packed, tag: new Bun.CryptoHasher('sha256').update(packed).digest('base64url') }
}

interface Answer {
  headers: Record<string, string | number>
  status?: number | string
}

/** The answer's body: compressed for whoever takes that, nothing for whoever has it (304). */
export async function sendAsset(asset: Asset, request: Request, set: Answer): Promise<Response> {
  const { headers } = request
  const vary = [set.headers['vary'], 'Accept-Encoding'].filter(Boolean).join(', ')
  // Weak, since one tag stands for both encodings.
  Object.assign(set.headers, { etag: `W/"${asset.tag}"`, vary })
  if (headers.get('if-none-match')?.includes(asset.tag)) return new Response(null, { status: 304 })
  set.headers['content-type'] = asset.type
  const accepts = headers.get('accept-encoding') ?? ''
  if (!TAKES_GZIP.test(accepts) || REFUSES_GZIP.test(accepts))
    return new Response(await promisify(gunzip)(asset.packed))
  set.headers['content-encoding'] = 'gzip'
  return new Response(asset.packed)
}
