import { Kind, Type, TypeRegistry } from '@sinclair/typebox'

// Checked as text: TypeBox's own conversion would read `true` as 1 and `8000.5` as 8000.
TypeRegistry.Set<{ minimum: number; maximum: number }>(
  'Whole',
  ({ minimum, maximum }, text) => /^\d{1,9}$/.test(String(text)) && Number(text) >= minimum && Number(text) <= maximum,
)
TypeRegistry.Set<{ protocol: RegExp }>('Url', ({ protocol }, text) => {
  // libpq accepts an address whose host stands in the query only (`postgres://user@/database?host=…`).
  const url = URL.parse(String(text).replace(/^(postgres\w*:\/\/[^/?#]*@)\//, '$1localhost/'))
  return protocol.test(url?.protocol ?? '')
})
TypeRegistry.Set('Ratio', (_, text) => /^(0|1|0?\.\d+|1\.0*)$/.test(String(text)))

/** A whole number in decimal digits. Unset without a `fallback`. */
export function whole(minimum: number, maximum: number, fallback?: number) {
  return Type.Unsafe<string>({
    [Kind]: 'Whole',
    minimum,
    maximum,
    ...(fallback !== undefined && { default: String(fallback) }),
    detail: `must be a whole number from ${minimum} to ${maximum}`,
  })
}

/** One of some words, to the letter. */
export function oneOf<const Name extends string>(names: readonly Name[], fallback?: Name) {
  return Type.Unsafe<Name>({
    ...Type.Union(names.map((name) => Type.Literal(name))),
    ...(fallback !== undefined && { default: fallback }),
    detail: `must be ${names.length === 2 ? names.join(' or ') : `one of ${names.join(', ')}`}`,
  })
}

/** A part of a whole, from 0 to 1. */
export function ratio(fallback: string) {
  return Type.Unsafe<string>({ [Kind]: 'Ratio', default: fallback, detail: 'must be a number from 0 to 1' })
}

/** An absolute URL of one of some schemes. */
export function url(protocol: RegExp, detail: string) {
  return Type.Unsafe<string>({ [Kind]: 'Url', protocol, detail })
}

export const webUrl = url(/^https?:$/, 'must be an http:// or https:// address')

/** The items of a comma-separated value. */
export function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
