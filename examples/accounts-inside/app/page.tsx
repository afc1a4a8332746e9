'use client'

import { backend } from '../lib/backend.ts'
import { TaskApp } from '../task-app/app.tsx'

export default function Page() {
  return <TaskApp backend={backend} />
}
