interface Route {
  method: string
  path: string
}

/**
 * Looks up which methods an address takes, as the value of an `Allow` header (RFC 9110,
 * 10.2.1); undefined where no route has that path. Elysia answers 404 for a wrong method, too.
 */
export function createMethodTable(routes: () => readonly Route[]): (path: string) => string | undefined {
  let table: { pattern: RegExp; methods: string }[] | undefined
  return (path) => {
    table ??= buildTable(routes())
    return table.find(({ pattern }) => pattern.test(path))?.methods
  }
}

/** Looks up the pattern of a path's route: labels of metrics must be bounded in number. */
export function createRouteNames(routes: () => readonly Route[]): (path: string) => string {
  let table: ReturnType<typeof buildTable> | undefined
  return (path) => {
    table ??= buildTable(routes())
    return table.find(({ pattern }) => pattern.test(path))?.path ?? 'none'
  }
}

function buildTable(routes: readonly Route[]) {
  const byPath = new Map<string, Set<string>>()
  for (const { method, path } of routes) {
    // The CORS plugin answers OPTIONS at `/` and `/*`: these routes say nothing about an address.
    if (method === 'OPTIONS' || path.includes('*')) continue
    const methods = byPath.get(path) ?? new Set(['OPTIONS'])
    methods.add(method)
    if (method === 'GET') methods.add('HEAD')
    byPath.set(path, methods)
  }
  return [...byPath].map(([path, methods]) => ({
    pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}/?$`),
    methods: [...methods].sort().join(', '),
    path,
  }))
}
