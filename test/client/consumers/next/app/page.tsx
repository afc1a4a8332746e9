'use client'
import { createDoable, type Task } from 'doable/client'
import { useState } from 'react'

const doable = createDoable({ url: 'http://localhost:8000', userId: 'ann', token: () => 'a.b.c' })

export default function Page() {
  const [tasks, setTasks] = useState<Task[]>([])
  return (
    <button type="button" onClick={async () => setTasks((await doable.page()).tasks)}>
      {tasks.map(({ title }) => title).join()}
    </button>
  )
}
