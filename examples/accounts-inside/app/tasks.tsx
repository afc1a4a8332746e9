import type { Task } from 'doable/client'
import { type FormEvent, useEffect, useMemo, useState } from 'react'
import { backend, type User } from '../lib/backend.ts'

/** With a task in its latest state, or without it. */
function withTask(tasks: Task[], task: Task): Task[] {
  const others = tasks.filter(({ id }) => id !== task.id)
  if (task.deleted_at !== null) return others
  return [...others, task].sort((a, b) => b.created_at.localeCompare(a.created_at))
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

export function Tasks({ user, onSignOut }: { user: User; onSignOut(): void }) {
  const doable = useMemo(() => backend.tasksOf(user.id), [user.id])
  const [tasks, setTasks] = useState<Task[]>([])
  const [problem, setProblem] = useState('')

  const attempt = (work: Promise<Task>) =>
    work.then(
      (task) => setTasks((before) => withTask(before, task)),
      (error) => setProblem(messageOf(error)),
    )

  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    async function* everything() {
      // Asked first, so that nothing can happen unseen between the list and what follows it.
      const since = await doable.revision({ signal })
      yield* doable.list({}, { signal })
      // What other devices do, as it happens.
      yield* doable.watch({ since, signal })
    }
    const follow = async () => {
      for await (const task of everything()) setTasks((before) => withTask(before, task))
    }
    follow().catch((error) => {
      if (!signal.aborted) setProblem(messageOf(error))
    })
    return () => stop.abort()
  }, [doable])

  function add(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const title = String(new FormData(event.currentTarget).get('title') ?? '')
    event.currentTarget.reset()
    void attempt(doable.create({ title }))
  }

  return (
    <main>
      <h1>To do</h1>
      <p>
        {user.email}{' '}
        <button type="button" onClick={onSignOut}>
          Sign out
        </button>
      </p>
      <form onSubmit={add}>
        <input name="title" aria-label="New task" required maxLength={200} /> <button type="submit">Add</button>
      </form>
      <p role="alert">{problem}</p>
      <ul style={{ listStyle: 'none', padding: 0 }}>
        {tasks.map((task) => (
          <li key={task.id}>
            <label>
              <input
                type="checkbox"
                checked={task.completed}
                onChange={() => attempt(doable.complete(task.id, !task.completed, { ifUnchanged: task }))}
              />{' '}
              {task.title}
            </label>
          </li>
        ))}
      </ul>
    </main>
  )
}
