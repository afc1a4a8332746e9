import type { Task } from 'doable/client'
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useShared } from './hooks.ts'
import { DoneIcon } from './icons.tsx'
import { TaskRow } from './task-row.tsx'
import { type Sort, show, type View } from './views.ts'

/** How long a completed task is still shown where it was. */
const LINGER_MS = 1200

/** Rows that are rendered before more are asked for. */
const FIRST_ROWS = 200

interface Props {
  view: View
  tasks: readonly Task[]
  sort: Sort
  isLoading: boolean
}

export function TaskList({ view, tasks, sort, isLoading }: Props) {
  const { today } = useShared()
  const [editing, setEditing] = useState<{ id: string; wasOpen: boolean }>()
  const [limit, setLimit] = useState(FIRST_ROWS)
  const lingering = useLingering(tasks)
  const list = useRef<HTMLDivElement>(null)
  // A task does not move away below the hands of who edits it.
  const staying = editing?.wasOpen ? new Set([...lingering, editing.id]) : lingering
  const { sections, done } = show(tasks, view, sort, today, staying)
  useKeptFocus(list)
  let left = limit

  if (isLoading)
    return (
      <div id="tasks" className="empty" aria-busy="true">
        <p role="status">Reading your tasks…</p>
      </div>
    )

  const row = (task: Task, isDayKnown = false) => (
    <TaskRow
      key={task.id}
      task={task}
      isDayKnown={isDayKnown}
      shownList={view.kind === 'list' ? view.id : undefined}
      isEditing={editing?.id === task.id}
      onEdit={() => setEditing({ id: task.id, wasOpen: !task.completed })}
      onClose={() => setEditing((current) => (current?.id === task.id ? undefined : current))}
    />
  )
  const total = sections.reduce((sum, section) => sum + section.tasks.length, 0)

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the rows, which are in the order of Tab as well
    <div id="tasks" ref={list} tabIndex={-1} className="tasks" onKeyDown={moveByArrows}>
      {sections.map(({ key, title, isLate, isOneDay = false, tasks: all }) => {
        const rows = all.slice(0, left)
        left -= rows.length
        return (
          rows.length > 0 && (
            <section key={key} aria-label={title ?? 'Tasks'}>
              {title !== undefined && <h2 className={isLate ? 'late' : undefined}>{title}</h2>}
              <ul>{rows.map((task) => row(task, isOneDay))}</ul>
            </section>
          )
        )
      })}
      {total > limit && (
        <button type="button" className="more" onClick={() => setLimit(limit * 2)}>
          Show more ({total - limit})
        </button>
      )}
      {total === 0 && <Empty view={view} isNew={tasks.length === 0} />}
      {done.length > 0 && <Done tasks={done} row={row} />}
    </div>
  )
}

/** Completed tasks of a view, folded up. */
function Done({ tasks, row }: { tasks: Task[]; row(task: Task): React.ReactNode }) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <section className="done" aria-label="Completed">
      <h2>
        <button type="button" className="fold" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {tasks.length} completed
        </button>
      </h2>
      {isOpen && <ul>{tasks.slice(0, FIRST_ROWS).map((task) => row(task))}</ul>}
    </section>
  )
}

function Empty({ view, isNew }: { view: View; isNew: boolean }) {
  const words = {
    all: isNew ? 'Add your first task above.' : 'Everything is done.',
    today: isNew ? 'Add your first task above.' : 'Nothing is due today.',
    upcoming: 'Nothing is planned.',
    completed: 'Nothing is completed yet.',
    tag: 'Nothing to do with this tag.',
    list: 'Nothing to do in this list.',
    search: 'Nothing was found.',
  }
  return (
    <div className="empty">
      <DoneIcon />
      <p>{words[view.kind]}</p>
    </div>
  )
}

/** The tasks that were completed a moment ago, in this window or elsewhere. */
function useLingering(tasks: readonly Task[]): ReadonlySet<string> {
  const [lingering, setLingering] = useState<ReadonlySet<string>>(new Set())
  const open = useRef<ReadonlySet<string>>(new Set())
  const fresh = tasks.filter(({ id, completed }) => completed && open.current.has(id)).map(({ id }) => id)
  const all = fresh.length === 0 ? lingering : new Set([...lingering, ...fresh])

  useEffect(() => {
    open.current = new Set(tasks.filter(({ completed }) => !completed).map(({ id }) => id))
  }, [tasks])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text stands for the array, which is new every time
  useEffect(() => {
    if (fresh.length === 0) return
    setLingering((before) => new Set([...before, ...fresh]))
    setTimeout(() => setLingering((before) => new Set([...before].filter((id) => !fresh.includes(id)))), LINGER_MS)
  }, [fresh.join()])
  return all
}

const CONTROLS = '.row-check, .row-open'

/** Up and down move to the same control of the row above or below. */
function moveByArrows(event: KeyboardEvent<HTMLDivElement>) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  const from = event.target
  if (step === undefined || !(from instanceof HTMLElement) || !from.matches(CONTROLS)) return
  const kind = from.matches('.row-check') ? '.row-check' : '.row-open'
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>(kind)]
  all[all.indexOf(from) + step]?.focus()
  event.preventDefault()
}

/** Where the row with the focus goes away, its neighbour gets the focus: a reader by keyboard stays where they were. */
function useKeptFocus(list: React.RefObject<HTMLDivElement | null>): void {
  const last = useRef<{ index: number; id: string }>(undefined)
  useEffect(() => {
    const note = ({ target }: FocusEvent) => {
      const row = target instanceof HTMLElement ? target.closest<HTMLElement>('[data-task]') : null
      const rows = [...(list.current?.querySelectorAll<HTMLElement>('[data-task]') ?? [])]
      last.current = row ? { index: rows.indexOf(row), id: row.dataset['task'] ?? '' } : undefined
    }
    addEventListener('focusin', note)
    return () => removeEventListener('focusin', note)
  }, [list])
  useLayoutEffect(() => {
    const { current } = last
    if (!current || document.activeElement !== document.body) return
    const rows = [...(list.current?.querySelectorAll<HTMLElement>('[data-task]') ?? [])]
    if (rows.some((row) => row.dataset['task'] === current.id)) return
    rows[Math.min(current.index, rows.length - 1)]?.querySelector<HTMLElement>('.row-check')?.focus()
  })
}
