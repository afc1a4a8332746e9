import type { TaskFields } from 'doable/client'
import { type FormEvent, useEffect, useId, useRef, useState } from 'react'
import { ListField, PriorityField, TagsField, TimesFields } from './fields.tsx'
import { useLeaving, useShared } from './hooks.ts'
import { CrossIcon, PlusIcon } from './icons.tsx'
import { fieldsOf, readQuick } from './quick.ts'
import type { Times } from './repeat.ts'
import { fieldsFor, type View } from './views.ts'

/** A task that is being typed. */
export interface Draft {
  line: string
  /** What was chosen below the line. */
  chosen: TaskFields
}

interface Props {
  view: View
  draft: Draft
  onDraft(draft: Draft): void
}

export const NOTHING: Draft = { line: '', chosen: {} }
/** Those of the times that are set. */
function timesIn({ due_date, recurrence, time_zone, remind_at }: TaskFields): Times {
  const times = Object.entries({ due_date, recurrence, time_zone, remind_at }).filter(([, value]) => value)
  return Object.fromEntries(times)
}

const NO_WORDS: ReadonlySet<string> = new Set()

/** Where tasks are added. What was typed stays here until it has become a task. */
export function Composer({ view, draft, onDraft }: Props) {
  const { line, chosen } = draft
  const { store, today } = useShared()
  const [kept, setKept] = useState(NO_WORDS)
  const [isOpen, setIsOpen] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const input = useRef<HTMLInputElement>(null)
  const hintId = useId()
  const { title, found } = readQuick(line, today, kept)
  const isShown = isOpen || line !== ''
  const fields: TaskFields = { ...fieldsFor(view, today), ...fieldsOf(found), ...chosen }
  const tags = [
    ...new Set([...(fieldsFor(view, today).tags ?? []), ...(fieldsOf(found).tags ?? []), ...(chosen.tags ?? [])]),
  ]

  // A refused add comes back as a draft, to be mended.
  useEffect(() => {
    if (line !== '') input.current?.focus()
  }, [line])

  useLeaving(form, isOpen, () => {
    setIsOpen(false)
    if (line === '') onDraft(NOTHING)
  })

  const choose = (fields: TaskFields) => onDraft({ line, chosen: { ...chosen, ...fields } })

  function add(event: FormEvent) {
    event.preventDefault()
    if (title === '') {
      input.current?.focus()
      return
    }
    const { priority, list_id } = fields
    store.send({
      kind: 'add',
      id: crypto.randomUUID(),
      title,
      at: new Date().toISOString(),
      fields: {
        ...timesIn(fields),
        ...(priority ? { priority } : {}),
        ...(list_id ? { list_id } : {}),
        ...(tags.length > 0 ? { tags } : {}),
      },
    })
    onDraft(NOTHING)
    setKept(NO_WORDS)
    input.current?.focus()
  }

  return (
    <form ref={form} className="composer" data-open={isShown} onSubmit={add} onFocus={() => setIsOpen(true)}>
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
          value={line}
          onChange={({ target }) => onDraft({ line: target.value, chosen })}
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
          <TimesFields times={timesIn(fields)} onChange={choose} />
          <PriorityField priority={fields.priority ?? 'medium'} onChange={(priority) => choose({ priority })} />
          <ListField list={fields.list_id ?? null} onChange={(list_id) => choose({ list_id })} />
          <TagsField tags={chosen.tags ?? []} onChange={(next) => choose({ tags: next })} />
        </div>
      )}
    </form>
  )
}
