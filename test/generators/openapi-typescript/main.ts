import createClient from 'openapi-fetch'
import type { paths } from './schema'

const [url = '', user = '', token = '', missing = ''] = process.argv.slice(2)

const { GET, POST, PUT, PATCH } = createClient<paths>({
  baseUrl: url,
  headers: { authorization: `Bearer ${token}` },
})
const at = (id: string) => ({ path: { user_id: user, id } })
function need<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('no answer')
  return value
}

const created = need(
  (
    await POST('/api/{user_id}/tasks', {
      params: { path: { user_id: user } },
      body: { title: 'Buy milk', due_date: '2026-11-24', tags: ['home'], priority: 'high' },
    })
  ).data,
)
const listed = need(
  (
    await GET('/api/{user_id}/tasks', {
      params: { path: { user_id: user }, query: { priority: ['high', 'low'], limit: 10 } },
    })
  ).data,
)
const completed = need((await PATCH('/api/{user_id}/tasks/{id}/complete', { params: at(created.id) })).data)
const changed = need(
  (
    await PUT('/api/{user_id}/tasks/{id}', {
      params: at(created.id),
      body: { title: 'Buy oat milk', due_date: null },
    })
  ).data,
)
const absent = need((await GET('/api/{user_id}/tasks/{id}', { params: at(missing) })).error)
const refused = need(
  (await PUT('/api/{user_id}/tasks/{id}', { params: at(created.id), body: { due_date: '2026-02-30' } })).error,
)

process.stdout.write(
  JSON.stringify({
    listed: listed.map((task) => [task.title, task.priority, task.completed]),
    completed: completed.completed,
    changed: [changed.title, changed.due_date, changed.tags],
    rose: changed.revision - created.revision,
    absent: [absent.status, absent.code],
    refused: (refused.errors ?? []).map((fault) => fault.pointer),
  }),
)
