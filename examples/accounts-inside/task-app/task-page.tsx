import { DoableError, type Task } from 'doable/client'
import { useState } from 'react'
import { Composer, NOTHING } from './composer.tsx'
import { dateOfDay } from './due.ts'
import { useOnline, useShared } from './hooks.ts'
import { CloudIcon, SearchIcon } from './icons.tsx'
import { ListHead } from './list-head.tsx'
import { Refused } from './refused.tsx'
import type { Unsent } from './store.ts'
import { TaskList } from './task-list.tsx'
import { SORTS, type Sort, titleOf, type View } from './views.ts'

const SORT = 'doable.sort'

interface Props {
  view: View
  tasks: readonly Task[]
  isLoading: boolean
  /** Why the tasks cannot be read. */
  trouble: Error | null | undefined
  onRetry(): void
  refused: readonly Unsent[]
  waiting: readonly Unsent[]
  search: string
  onSearch(text: string): void
  /** The list that is shown was deleted. */
  onGone(): void
}

export function TaskPage({
  view,
  tasks,
  isLoading,
  trouble,
  onRetry,
  refused,
  waiting,
  search,
  onSearch,
  onGone,
}: Props) {
  const { today, lists } = useShared()
  const [sort, setSort] = useState<Sort>(readSort)
  const [draft, setDraft] = useState(NOTHING)
  const hasOrder = view.kind === 'all' || view.kind === 'tag' || view.kind === 'list' || view.kind === 'search'

  return (
    <main className="page">
      <header className="head">
        <div className="titles">
          {view.kind === 'list' ? <ListHead id={view.id} onGone={onGone} /> : <h1>{titleOf(view, lists)}</h1>}
          {view.kind === 'today' && <p>{dateOfDay(today)}</p>}
        </div>
        <div className="tools">
          {hasOrder && (
            <label className="sort">
              <span className="unseen">Order</span>
              <select
                value={sort}
                onChange={({ target }) => {
                  localStorage.setItem(SORT, target.value)
                  setSort(readSort())
                }}
              >
                {Object.entries(SORTS).map(([value, name]) => (
                  <option key={value} value={value}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
          <label className="search">
            <SearchIcon />
            <span className="unseen">Search</span>
            <input
              type="search"
              placeholder="Search"
              value={search}
              onChange={({ target }) => onSearch(target.value)}
              onKeyDown={({ key }) => key === 'Escape' && onSearch('')}
            />
          </label>
        </div>
      </header>
      <Connection waiting={waiting} />
      {view.kind !== 'completed' && view.kind !== 'search' && <Composer view={view} draft={draft} onDraft={setDraft} />}
      <Refused refused={refused} onEdit={setDraft} />
      {trouble ? (
        <div className="empty" role="alert">
          <p>{trouble instanceof DoableError ? trouble.message : 'The tasks could not be read.'}</p>
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        </div>
      ) : (
        <TaskList view={view} tasks={tasks} sort={sort} isLoading={isLoading} />
      )}
    </main>
  )
}

function readSort(): Sort {
  const kept = localStorage.getItem(SORT) ?? ''
  return kept in SORTS ? (kept as Sort) : 'newest'
}

/** Says that changes wait, and for what. Nothing to see while all is well. */
function Connection({ waiting }: { waiting: readonly Unsent[] }) {
  const isOnline = useOnline()
  const isFailing = waiting.some(({ failures }) => failures > 0)
  const count = waiting.length
  const changes = count === 0 ? '' : ` ${count} ${count === 1 ? 'change waits' : 'changes wait'} to be sent.`
  const text = !isOnline ? `You are offline.${changes}` : isFailing ? `The service cannot be reached.${changes}` : ''
  return (
    <div role="status" className="connection" hidden={text === ''}>
      {text !== '' && <CloudIcon />} {text}
    </div>
  )
}
