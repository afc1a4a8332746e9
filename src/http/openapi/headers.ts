const text = (description: string, example: string) => ({
  description,
  schema: { type: 'string', examples: [example] },
})

/** Response headers, as the document's components. */
export const headers = {
  ETag: text('The revision, for `If-Match` and `If-None-Match`.', '"42"'),
  Location: text(
    'Where the new task or list is, or the page that comes next.',
    '/api/kX2mPqR7/tasks/01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80',
  ),
  Link: text('The next page (RFC 8288), while there is one.', '</api/kX2mPqR7/tasks?limit=50&cursor=mDpq>; rel="next"'),
  'X-Total-Count': {
    description:
      'How many there are in all: with `count=true`, and on the first page of a list asked for without `limit`, where it has more. Not of a search that was cut short.',
    schema: { type: 'integer', format: 'int32', examples: [120] },
  },
  'X-Partial': text(
    '`true` where a search was cut short by its time: the page may hold fewer tasks than `limit`, even none, and `Link` goes on.',
    'true',
  ),
  'Idempotency-Replayed': text('`true` where this is the first answer once more.', 'true'),
  'WWW-Authenticate': text(
    'What is wrong with the token, or the scope that it lacks (RFC 6750).',
    'Bearer error="invalid_token"',
  ),
  'Retry-After': text('Seconds to wait before trying again.', '1'),
  'Set-Auth-Token': text('The token of the session, where there is a new one.', 'Yb3Kx8Q1mZr5Vt7N.c2lnbmF0dXJl'),
  'Set-Auth-Jwt': text('A JWT for the session.', 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln'),
  RateLimit: text('What is left of the quota, and for how many seconds.', '"user";r=1199;t=60'),
  'RateLimit-Policy': text('The quota, and its window in seconds.', '"user";q=1200;w=60'),
  Accept: text('The media types that this address takes.', 'application/json'),
  'Accept-Patch': text(
    'The media types that this address takes (RFC 5789).',
    'application/json, application/merge-patch+json',
  ),
}

const header = (name: string, description: string, rules: object = {}) => ({
  name,
  in: 'header',
  description,
  schema: { type: 'string', ...rules },
})

/** Request headers, as the document's components, by their own names. */
export const parameters = {
  'If-Match': header(
    'If-Match',
    'The `ETag` of the task or list as it was read: 412 if it has changed since (RFC 9110, 13.1.1).',
  ),
  'If-None-Match': header(
    'If-None-Match',
    'The `ETag` that you have: 304 if nothing has changed since (RFC 9110, 13.1.2).',
  ),
  'Idempotency-Key': header(
    'Idempotency-Key',
    'Anything unique, of 1 to 255 printable ASCII characters: a repeat within 24 hours gets the first answer again.',
    { minLength: 1, maxLength: 255, pattern: '^[ -~]*$' },
  ),
  'Last-Event-ID': header('Last-Event-ID', 'The `id` of the last event that arrived: what came after it is replayed.', {
    pattern: '^\\d{0,15}$',
  }),
}
