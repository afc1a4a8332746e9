import type { TaskFields } from 'doable/client'
import { type FormEvent, useEffect, useId, useRef, useState } from 'react'
import { DueField, PriorityField, TagsField } from './fields.tsx'
import { useShared } from './hooks.ts'
import { CrossIcon, PlusIcon } from './icons.tsx'
import { fieldsOf, readQuick } from './quick.ts'
import { fieldsFor, type View } from './views.ts'

interface Props {
  view: View
  draft: string
  onDraft(text: string): void
}

const NOTHING: TaskFields = {}
const NO_WORDS: ReadonlySet<string> = new Set()

/** Where tasks are added. What was typed stays here until it has become a task. */
export function Composer({ view, draft, onDraft }: Props) {
  const { store, today } = useShared()
  const [chosen, setChosen] = useState(NOTHING)
  const [kept, setKept] = useState(NO_WORDS)
  const [isOpen, setIsOpen] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const hintId = useId()
  const { title, found } = readQuick(draft, today, kept)
  const isShown = isOpen || draft !== ''
  const fields: TaskFields = { ...fieldsFor(view, today), ...fieldsOf(found), ...chosen }
  const tags = [
    ...new Set([...(fieldsFor(view, today).tags ?? []), ...(fieldsOf(found).tags ?? []), ...(chosen.tags ?? [])]),
  ]

  // A refused add comes back as a draft, to be mended.
  useEffect(() => {
    if (draft !== '') input.current?.focus()
  }, [draft])

  function add(event: FormEvent) {
    event.preventDefault()
    if (title === '') {
      input.current?.focus()
      return
    }
    const { due_date, priority } = fields
    store.send({
      kind: 'add',
      id: crypto.randomUUID(),
      title,
      at: new Date().toISOString(),
      fields: {
        ...(due_date ? { due_date } : {}),
        ...(priority ? { priority } : {}),
        ...(tags.length > 0 ? { tags } : {}),
      },
    })
    onDraft('')
    setChosen(NOTHING)
    setKept(NO_WORDS)
    input.current?.focus()
  }

  return (
    <form
      className="composer"
      data-open={isShown}
      onSubmit={add}
      onFocus={() => setIsOpen(true)}
      onBlur={({ currentTarget, relatedTarget }) => {
        const stays = currentTarget.contains(relatedTarget)
        setIsOpen(stays)
        if (!stays && draft === '') setChosen(NOTHING)
      }}
    >
      <div className="line">
        <PlusIcon />
        <input
          ref={input}
          className="title"
          aria-label="New task"
          aria-describedby={hintId}
          placeholder="Add a task"
          autoComplete="off"
          enterKeyHint="done"
          value={draft}
          onChange={({ target }) => onDraft(target.value)}
        />
        {isShown && (
          <button type="submit" className="primary" disabled={title === ''}>
            Add
          </button>
        )}
      </div>
      <p id={hintId} className={isShown && found.length === 0 ? 'hint' : 'unseen'}>
        Try “Call Ada tomorrow #home !high”.
      </p>
      {found.length > 0 && (
        <ul className="found" aria-label="Understood">
          {found.map(({ text, label }) => (
            <li key={text}>
              <button
                type="button"
                className="chip on"
                aria-label={`${label}: leave “${text}” in the title`}
                onClick={() => setKept(new Set([...kept, text]))}
              >
                {label} <CrossIcon />
              </button>
            </li>
          ))}
        </ul>
      )}
      {isShown && (
        <div className="fields">
          <DueField due={fields.due_date ?? null} onChange={(due_date) => setChosen({ ...chosen, due_date })} />
          <PriorityField
            priority={fields.priority ?? 'medium'}
            onChange={(priority) => setChosen({ ...chosen, priority })}
          />
          <TagsField tags={chosen.tags ?? []} onChange={(next) => setChosen({ ...chosen, tags: next })} />
        </div>
      )}
    </form>
  )
}
