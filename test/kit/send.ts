export type Headers = Record<string, string>

/**
 * Sends a request with these header fields and no other credentials; redirects are not followed. Text, bytes and
 * streams are sent as they are, anything else as JSON.
 */
export function send(url: string, method: string, path: string, body?: unknown, headers: Headers = {}) {
  const all = new globalThis.Headers(headers)
  const init: RequestInit = { method, headers: all, redirect: 'manual' }
  if (typeof body === 'string' || body instanceof ReadableStream || body instanceof Uint8Array) init.body = body
  else if (body !== undefined) {
    init.body = JSON.stringify(body)
    if (!all.has('content-type')) all.set('content-type', 'application/json')
  }
  return fetch(url + path, init)
}

export const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` })
