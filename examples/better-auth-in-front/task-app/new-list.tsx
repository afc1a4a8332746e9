import { type FormEvent, useState } from 'react'
import { useShared } from './hooks.ts'
import { PlusIcon } from './icons.tsx'

/** Adds a list, and goes there. */
export function NewList({ onMade }: { onMade(id: string): void }) {
  const { store } = useShared()
  const [name, setName] = useState('')

  function add(event: FormEvent) {
    event.preventDefault()
    const title = name.trim()
    if (title === '') return
    const id = crypto.randomUUID()
    store.send({ kind: 'add-list', id, title })
    setName('')
    onMade(id)
  }

  return (
    <form className="new-list" onSubmit={add}>
      <PlusIcon />
      <input
        aria-label="New list"
        placeholder="New list"
        autoComplete="off"
        value={name}
        onChange={({ target }) => setName(target.value)}
      />
    </form>
  )
}
