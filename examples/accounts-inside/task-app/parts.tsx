import type { Task } from 'doable/client'
import { type KeyboardEvent, useState } from 'react'
import { useShared } from './hooks.ts'
import { CrossIcon, PlusIcon } from './icons.tsx'

/** The parts of a task, which are tasks themselves: every change is sent at once. */
export function Parts({ task }: { task: Task }) {
  const { store, partsOf, tell } = useShared()
  const [title, setTitle] = useState('')

  function add() {
    const wanted = title.trim()
    if (wanted === '') return
    const fields = { parent_id: task.id, ...(task.list_id === null ? {} : { list_id: task.list_id }) }
    store.send({ kind: 'add', id: crypto.randomUUID(), title: wanted, at: new Date().toISOString(), fields })
    setTitle('')
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== 'Enter' || title.trim() === '') return
    // Not yet the task's own form.
    event.preventDefault()
    add()
  }

  return (
    <ul className="parts" aria-label="Parts">
      {partsOf(task.id).map((part) => (
        <li key={part.id} data-completed={part.completed}>
          <input
            type="checkbox"
            className="row-check"
            aria-label={`Done: ${part.title}`}
            checked={part.completed}
            onChange={() =>
              store.send({ kind: 'complete', id: part.id, title: part.title, completed: !part.completed })
            }
          />
          <span className="row-title">{part.title}</span>
          <button
            type="button"
            className="quiet"
            aria-label={`Delete the part ${part.title}`}
            onClick={() => {
              store.send({ kind: 'remove', id: part.id, title: part.title })
              const undo = () => store.send({ kind: 'restore', id: part.id, title: part.title })
              tell({ text: `“${part.title}” is deleted`, undo })
            }}
          >
            <CrossIcon />
          </button>
        </li>
      ))}
      <li>
        <PlusIcon />
        <input
          className="part"
          aria-label="Add a part"
          placeholder="Add a part"
          autoComplete="off"
          value={title}
          onChange={({ target }) => setTitle(target.value)}
          onKeyDown={onKeyDown}
          onBlur={add}
        />
      </li>
    </ul>
  )
}
