import { Configuration, type Problem, ProblemFromJSON, ResponseError, TaskPriority, TasksApi } from './client'

const [url = '', user = '', token = '', missing = ''] = process.argv.slice(2)

const tasks = new TasksApi(new Configuration({ basePath: url, accessToken: token }))
const at = (id: string) => ({ userId: user, id })

/** The problem that a promise is rejected with. */
async function problemOf(answer: Promise<unknown>): Promise<Problem> {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof ResponseError) return ProblemFromJSON(await error.response.json())
  throw new Error('it was not refused', { cause: error })
}

const created = await tasks.createTask({
  userId: user,
  taskCreate: { title: 'Buy milk', dueDate: '2026-11-24', tags: new Set(['home']), priority: TaskPriority.High },
})
const listed = await tasks.listTasks({ userId: user, priority: [TaskPriority.High, TaskPriority.Low], limit: 10 })
const completed = await tasks.completeTask(at(created.id))
const changed = await tasks.updateTask({ ...at(created.id), taskUpdate: { title: 'Buy oat milk', dueDate: null } })
const absent = await problemOf(tasks.getTask(at(missing)))
const refused = await problemOf(tasks.updateTask({ ...at(created.id), taskUpdate: { dueDate: '2026-02-30' } }))

process.stdout.write(
  JSON.stringify({
    listed: listed.map((task) => [task.title, task.priority, task.completed]),
    completed: completed.completed,
    changed: [changed.title, changed.dueDate, [...changed.tags]],
    rose: changed.revision - created.revision,
    absent: [absent.status, absent.code],
    refused: (refused.errors ?? []).map((fault) => fault.pointer),
  }),
)
