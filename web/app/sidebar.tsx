import { type ReactNode, useEffect } from 'react'
import type { User } from './backend.ts'
import { useShared } from './hooks.ts'
import { CalendarIcon, DoneIcon, InboxIcon, ListIcon, Mark, TagIcon, TodayIcon } from './icons.tsx'
import { NewList } from './new-list.tsx'
import { type Counts, hashOf, type View } from './views.ts'

interface Props {
  user: User
  counts: Counts
  view: View
  /** On narrow windows, until it is asked for. */
  isHidden: boolean
  onGo(view: View): void
  onClose(): void
  onSignOut(): void
}

export function Sidebar({ user, counts, view, isHidden, onGo, onClose, onSignOut }: Props) {
  const { lists } = useShared()
  useEffect(() => {
    if (isHidden) return
    const close = (event: KeyboardEvent) => event.key === 'Escape' && onClose()
    addEventListener('keydown', close)
    return () => removeEventListener('keydown', close)
  }, [isHidden, onClose])

  const entry = (to: View, icon: ReactNode, name: string, count = 0, isLate = false) => (
    <li key={hashOf(to)}>
      <a
        href={hashOf(to)}
        aria-current={hashOf(view) === hashOf(to) ? 'page' : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey) return
          event.preventDefault()
          onGo(to)
        }}
      >
        {icon}
        <span className="name">{name}</span>
        {count > 0 && (
          <span className={isLate ? 'count late' : 'count'}>
            {count}
            <span className="unseen"> open</span>
          </span>
        )}
      </a>
    </li>
  )

  return (
    <nav id="side" className="side" aria-label="Views" inert={isHidden} data-hidden={isHidden}>
      <p className="brand">
        <Mark /> Doable
      </p>
      <ul>
        {entry({ kind: 'today' }, <TodayIcon />, 'Today', counts.today, counts.late > 0)}
        {entry({ kind: 'upcoming' }, <CalendarIcon />, 'Upcoming', counts.upcoming)}
        {entry({ kind: 'all' }, <InboxIcon />, 'All tasks', counts.all)}
        {entry({ kind: 'completed' }, <DoneIcon />, 'Completed')}
      </ul>
      <h2>Lists</h2>
      <ul>
        {lists.map(({ id, name }) => entry({ kind: 'list', id }, <ListIcon />, name, counts.lists.get(id)))}
        <li>
          <NewList onMade={(id) => onGo({ kind: 'list', id })} />
        </li>
      </ul>
      {counts.tags.length > 0 && (
        <>
          <h2>Tags</h2>
          <ul>{counts.tags.map(([tag, count]) => entry({ kind: 'tag', tag }, <TagIcon />, tag, count))}</ul>
        </>
      )}
      <div className="account">
        <span title={user.email}>{user.email}</span>
        <button type="button" className="quiet" onClick={onSignOut}>
          Sign out
        </button>
      </div>
    </nav>
  )
}
