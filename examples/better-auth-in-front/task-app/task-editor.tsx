import type { Task, TaskFields } from 'doable/client'
import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react'
import { ListField, PriorityField, TagsField, TimesFields } from './fields.tsx'
import { useLeaving, useShared } from './hooks.ts'
import { Parts } from './parts.tsx'

interface Props {
  task: Task
  /** A click beside it saves and closes. */
  row: RefObject<HTMLElement | null>
  onClose(): void
  onRemove(): void
}

type Draft = Required<
  Pick<
    TaskFields,
    'title' | 'description' | 'due_date' | 'recurrence' | 'time_zone' | 'remind_at' | 'priority' | 'tags' | 'list_id'
  >
>

const draftOf = ({
  title,
  description,
  due_date,
  recurrence,
  time_zone,
  remind_at,
  priority,
  tags,
  list_id,
}: Task): Draft => ({
  title,
  description,
  due_date,
  recurrence,
  time_zone,
  remind_at,
  priority,
  tags,
  list_id,
})

/** What differs, so that another device's change of another field stays. */
function changed(before: Draft, after: Draft): TaskFields {
  const same = (name: keyof Draft) => JSON.stringify(before[name]) === JSON.stringify(after[name])
  return Object.fromEntries(Object.entries(after).filter(([name]) => !same(name as keyof Draft)))
}

/** Edits a task where it stands. Enter, leaving it and “Done” save; Escape does not. */
export function TaskEditor({ task, row, onClose, onRemove }: Props) {
  const { store } = useShared()
  const before = useRef(draftOf(task)).current
  const [draft, setDraft] = useState(before)
  const form = useRef<HTMLFormElement>(null)
  const title = useRef<HTMLInputElement>(null)
  const isOver = useRef(false)
  const set = (fields: Partial<Draft>) => setDraft((current) => ({ ...current, ...fields }))

  function save(event?: FormEvent) {
    event?.preventDefault()
    if (isOver.current) return
    isOver.current = true
    const wanted = { ...draft, title: draft.title.trim() || before.title, description: draft.description || null }
    const fields = changed(before, wanted)
    if (Object.keys(fields).length > 0) store.send({ kind: 'change', id: task.id, title: wanted.title, fields })
    onClose()
  }
  const latest = useRef(save)
  latest.current = save

  useLeaving(row, true, save)

  function cancel() {
    isOver.current = true
    onClose()
  }

  useEffect(() => {
    const element = form.current
    title.current?.focus()
    return () => {
      // Another row was opened, or another view. (React's strict mode runs this for an element that stays.)
      if (!element?.isConnected) latest.current()
    }
  }, [])

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === 'Escape') cancel()
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save()
  }

  return (
    <form className="editor" ref={form} aria-label={`Edit ${before.title}`} onSubmit={save} onKeyDown={onKeyDown}>
      <input
        ref={title}
        className="title"
        aria-label="Title"
        autoComplete="off"
        value={draft.title}
        onChange={({ target }) => set({ title: target.value })}
      />
      <textarea
        aria-label="Notes"
        placeholder="Notes"
        rows={Math.min(12, Math.max(2, (draft.description ?? '').split('\n').length))}
        value={draft.description ?? ''}
        onChange={({ target }) => set({ description: target.value })}
      />
      {task.parent_id === null && <Parts task={task} />}
      <div className="fields">
        <TimesFields times={draft} onChange={set} />
        <PriorityField priority={draft.priority} onChange={(priority) => set({ priority })} />
        <ListField list={draft.list_id} onChange={(list_id) => set({ list_id })} />
        <TagsField tags={draft.tags} onChange={(tags) => set({ tags })} />
      </div>
      <div className="actions">
        <button type="submit" className="primary">
          Done
        </button>
        <button type="button" className="quiet" onClick={cancel}>
          Cancel
        </button>
        <button
          type="button"
          className="quiet danger"
          onClick={() => {
            isOver.current = true
            onRemove()
          }}
        >
          Delete
        </button>
      </div>
    </form>
  )
}
