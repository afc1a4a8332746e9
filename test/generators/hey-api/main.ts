import { completeTask, createTask, getTask, listTasks, updateTask } from './client'
import { client } from './client/client.gen'

const [url = '', user = '', token = '', missing = ''] = process.argv.slice(2)

client.setConfig({ baseUrl: url, auth: token })
const at = (id: string) => ({ path: { user_id: user, id } })
function need<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('no answer')
  return value
}

const created = need(
  (
    await createTask({
      path: { user_id: user },
      body: { title: 'Buy milk', due_date: '2026-11-24', tags: ['home'], priority: 'high' },
    })
  ).data,
)
const listed = need(
  (await listTasks({ path: { user_id: user }, query: { priority: ['high', 'low'], limit: 10 } })).data,
)
const completed = need((await completeTask(at(created.id))).data)
const changed = need((await updateTask({ ...at(created.id), body: { title: 'Buy oat milk', due_date: null } })).data)
const absent = need((await getTask(at(missing))).error)
const refused = need((await updateTask({ ...at(created.id), body: { due_date: '2026-02-30' } })).error)

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
