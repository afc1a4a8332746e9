/** Requests whose `Host` is not a host. */
const misaddressed = new WeakSet<Request>()

/** The path of an address. Found by search: parsing the whole address costs ten times as much. */
export function pathOf(url: string): string {
  // From behind the scheme's slashes and at least one character of host.
  const start = url.indexOf('/', 8)
  const end = url.indexOf('?', start)
  return url.slice(start, end === -1 ? undefined : end)
}

/**
 * Wraps a handler so that the address of every request can be parsed. Without a `Host`, as HTTP/1.0
 * allows, Bun's address has no host; with a `Host` that is not a host it has a bad one, and `new URL`
 * throws. The address is replaced on the request itself, since the server knows the peer of that
 * object alone. A bad `Host` is refused later, once the answer can carry its request id.
 */
export function settled<Answer>(handle: (request: Request) => Answer): (request: Request) => Answer {
  return (request) => {
    if (!URL.canParse(request.url)) settle(request)
    return handle(request)
  }
}

function settle(request: Request): void {
  const { url } = request
  if (request.headers.get('host')) misaddressed.add(request)
  const path = url.startsWith('/') ? url : url.slice(Math.max(url.indexOf('/', 8), 0))
  Object.defineProperty(request, 'url', { value: `http://localhost${path}` })
}

/** Whether the `Host` of a settled request was no host. */
export const isMisaddressed = (request: Request): boolean => misaddressed.has(request)
