const [url = '', , token = ''] = process.argv.slice(2)

/** Sends a request of the generated client, with the token. Answers keep their status, refusals too. */
export async function send<Answer>(path: string, options: RequestInit): Promise<Answer> {
  const headers = new Headers(options.headers)
  headers.set('authorization', `Bearer ${token}`)
  const response = await fetch(`${url}${path}`, { ...options, headers })
  const text = await response.text()
  const data: unknown = text === '' ? undefined : JSON.parse(text)
  // The generator declares one type for each status of the operation.
  return { data, status: response.status, headers: response.headers } as Answer
}
