import { completeTask, createTask, getTask, listTasks, TaskPriority, updateTask } from './client'

const [, user = '', , missing = ''] = process.argv.slice(2)

const task = { title: 'Buy milk', due_date: '2026-11-24', tags: ['home'], priority: TaskPriority.high }
const created = await createTask(user, task)
if (created.status !== 201) throw new Error(created.data.detail)
const { id } = created.data

const listed = await listTasks(user, { priority: [TaskPriority.high, TaskPriority.low], limit: 10 })
if (listed.status !== 200) throw new Error(`${listed.status}`)

const completed = await completeTask(user, id)
if (completed.status !== 200) throw new Error(completed.data.detail)

const changed = await updateTask(user, id, { title: 'Buy oat milk', due_date: null })
if (changed.status !== 200) throw new Error(changed.data.detail)

const absent = await getTask(user, missing)
if (absent.status !== 404) throw new Error(`${absent.status}`)

const refused = await updateTask(user, id, { due_date: '2026-02-30' })
if (refused.status !== 422) throw new Error(`${refused.status}`)

process.stdout.write(
  JSON.stringify({
    listed: listed.data.map((task) => [task.title, task.priority, task.completed]),
    completed: completed.data.completed,
    changed: [changed.data.title, changed.data.due_date, changed.data.tags],
    rose: changed.data.revision - created.data.revision,
    absent: [absent.data.status, absent.data.code],
    refused: (refused.data.errors ?? []).map((fault) => fault.pointer),
  }),
)
