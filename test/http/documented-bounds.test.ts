import { describe, expect, test } from 'bun:test'
import document from '../../openapi.json'
import { databases } from '../kit/boot.ts'
import { send } from '../kit/send.ts'
import { useService } from '../kit/service.ts'
import { NO_TASK, newUser } from '../kit/user.ts'

const { paths, components } = document
const { schemas } = components

/** The bounds that the document gives the parameter of an operation. */
function bounds({ parameters }: { parameters: object[] }, name: string): { at: (keyword: string) => number } {
  const found = parameters.find((each) => 'name' in each && each.name === name)
  const schema: Record<string, unknown> = found && 'schema' in found ? { ...Object(found.schema) } : {}
  return { at: (keyword) => Number(schema[keyword]) }
}

const text = (length: number) => 'x'.repeat(length)
const list = paths['/api/{user_id}/tasks'].get
const erase = paths['/api/{user_id}'].delete
const longest = bounds(list, 'user_id').at('maxLength')
const changes = paths['/api/{user_id}/changes'].get

describe.each(databases)('a bound of the document is the bound of the service, over %s:', (kind) => {
  const service = useService(kind, { ACCOUNTS: 'on' })
  const inQuery = (query: string) => newUser(service()).send('GET', `/tasks?${query}`)
  const batch = (...operations: object[]) => newUser(service()).send('POST', '/batch', { operations })

  const all: [what: string, bound: number, ask: (value: number) => Promise<Response>][] = [
    [
      'the length of user_id',
      longest,
      (length) => service().request(text(length), 'GET', `/api/${text(length)}/tasks`),
    ],
    [
      'the length of confirm',
      bounds(erase, 'confirm').at('maxLength'),
      (length) => newUser(service(), text(longest)).send('DELETE', `?confirm=${text(length)}`),
    ],
    [
      'how often priority is given',
      bounds(list, 'priority').at('maxItems'),
      (times) => inQuery(Array(times).fill('priority=high').join('&')),
    ],
    [
      'how often tag is given',
      bounds(list, 'tag').at('maxItems'),
      (times) => inQuery(Array(times).fill('tag=home').join('&')),
    ],
    ['the length of q', bounds(list, 'q').at('maxLength'), (length) => inQuery(`q=${text(length)}`)],
    ['limit', bounds(list, 'limit').at('maximum'), (limit) => inQuery(`limit=${limit}`)],
    [
      'since',
      bounds(changes, 'since').at('maximum'),
      (since) => newUser(service()).send('GET', `/changes?since=${since}`),
    ],
    [
      'if_revision',
      schemas.BatchOperation.properties.if_revision.maximum,
      (if_revision) => batch({ op: 'complete', id: NO_TASK, if_revision }),
    ],
    [
      'how many operations a batch has',
      schemas.Batch.properties.operations.maxItems,
      (count) => batch(...Array(count).fill({ op: 'create', task: { title: 'x' } })),
    ],
    [
      'the length of Idempotency-Key',
      components.parameters['Idempotency-Key'].schema.maxLength,
      (length) => newUser(service()).post({ title: 'x' }, { 'idempotency-key': text(length) }),
    ],
    ...(['name', 'image'] as const).map((member): (typeof all)[number] => [
      `the length of ${member} at signing up`,
      schemas.SignUp.properties[member].maxLength,
      (length) => {
        const person = { name: 'Ada', email: `${crypto.randomUUID()}@example.com`, password: 'correct horse' }
        return send(service().url, 'POST', '/api/auth/sign-up/email', { ...person, [member]: text(length) })
      },
    ]),
  ]

  test.each(all)('%s', async (what, bound, ask) => {
    expect(bound).toBeGreaterThan(0)
    // 404 and 410: what was asked for is well formed, and not there.
    expect([200, 201, 204, 404, 410]).toContain((await ask(bound)).status)
    // No token of a longer user id is taken.
    expect((await ask(bound + 1)).status).toBe(what.endsWith('user_id') ? 401 : 422)
  })
})
