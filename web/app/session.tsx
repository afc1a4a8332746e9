import { QueryClientProvider, useQuery } from '@tanstack/react-query'
import type { Task } from 'doable/client'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { Backend, User } from './backend.ts'
import { type Notice, type Shared, SharedContext, useHash, useMedia, useToday, useUnsent } from './hooks.ts'
import { MenuIcon } from './icons.tsx'
import { Notices } from './notices.tsx'
import { notify } from './notify.ts'
import { Sidebar } from './sidebar.tsx'
import { createStore, isSignedOut, type Store } from './store.ts'
import { TaskPage } from './task-page.tsx'
import { countsOf, hashOf, titleOf, type View, viewAt } from './views.ts'
import { listsWithWrites, withWrites } from './writes.ts'

interface Props {
  user: User
  backend: Backend
  /** Whether the user has to sign in again. */
  isExpired: boolean
  onExpired(): void
  onSignedOut(): void
}

/** Everything of a user who is signed in. */
export function Session(props: Props) {
  const { user, backend, isExpired, onExpired } = props
  const expired = useRef(onExpired)
  expired.current = onExpired
  const [notice, setNotice] = useState<Notice>()
  const reminded = useRef((task: Task) => {
    setNotice({ text: `Reminder: ${task.title}` })
    notify(task)
  })
  const store = useMemo(() => {
    const doable = backend.tasksOf(user.id, (reason) => {
      if (isSignedOut(reason)) expired.current()
    })
    return createStore(doable, (task) => reminded.current(task), {
      storage: sessionStorage,
      name: `doable.unsent.${user.id}`,
    })
  }, [backend, user.id])

  useEffect(() => {
    if (isExpired) return
    store.signedIn()
    const stop = new AbortController()
    void store.follow(stop.signal)
    return () => stop.abort()
  }, [store, isExpired])

  return (
    <QueryClientProvider client={store.queryClient}>
      <Window {...props} store={store} notice={notice} onNotice={setNotice} />
    </QueryClientProvider>
  )
}

interface WindowProps extends Props {
  store: Store
  notice: Notice | undefined
  onNotice(notice: Notice | undefined): void
}

/** The side column and one view beside it. */
function Window({ user, backend, store, isExpired, onSignedOut, notice, onNotice }: WindowProps) {
  const { data, error, refetch } = useQuery(store.query)
  const unsent = useUnsent(store)
  const today = useToday()
  const [search, setSearch] = useState('')
  const [isMenuOpen, setIsMenuOpen] = useState(false)
  const isNarrow = useMedia('(max-width: 760px)')
  const hash = useHash()
  const view: View = search.trim() === '' ? viewAt(hash) : { kind: 'search', text: search.trim() }
  const refused = unsent.filter((item) => item.error !== null)
  const waiting = unsent.filter((item) => item.error === null)

  const tasks = useMemo(
    () =>
      withWrites(
        data?.byId ?? {},
        waiting.map(({ write }) => write),
      ),
    [data, waiting],
  )
  const lists = useMemo(
    () =>
      listsWithWrites(
        data?.lists ?? {},
        waiting.map(({ write }) => write),
      ),
    [data, waiting],
  )
  const parts = useMemo(() => partsByTask(tasks), [tasks])
  const counts = useMemo(() => countsOf(tasks, today), [tasks, today])
  const tags = counts.tags.map(([tag]) => tag)
  const partsOf = (id: string) => parts.get(id) ?? NO_PARTS
  const shared: Shared = { store, today, lists, partsOf, tags, tell: onNotice }

  useEffect(() => {
    const title = titleOf(view, lists)
    document.title = counts.today > 0 ? `${title} (${counts.today}) · Doable` : `${title} · Doable`
  })
  useUnloadWarning(unsent.length > 0)

  function go(to: View) {
    setSearch('')
    setIsMenuOpen(false)
    location.hash = hashOf(to)
  }

  async function signOut() {
    const count = unsent.length
    const question = `${count} ${count === 1 ? 'change has' : 'changes have'} not been sent yet. Sign out and lose them?`
    if (count > 0 && !confirm(question)) return
    for (const item of unsent) item.forget()
    await backend.signOut().then(onSignedOut, () => onNotice({ text: 'Signing out needs the network.' }))
  }

  return (
    <SharedContext value={shared}>
      <div className="window">
        <button type="button" className="skip" onClick={() => document.querySelector<HTMLElement>('#tasks')?.focus()}>
          To the tasks
        </button>
        {isNarrow && (
          <button
            type="button"
            className="menu quiet"
            aria-label="Menu"
            aria-expanded={isMenuOpen}
            aria-controls="side"
            onClick={() => setIsMenuOpen(!isMenuOpen)}
          >
            <MenuIcon />
          </button>
        )}
        <Sidebar
          user={user}
          counts={counts}
          view={view}
          isHidden={isNarrow && !isMenuOpen}
          onGo={go}
          onClose={() => setIsMenuOpen(false)}
          onSignOut={signOut}
        />
        {isNarrow && isMenuOpen && (
          <button type="button" className="shade" aria-label="Close the menu" onClick={() => setIsMenuOpen(false)} />
        )}
        <TaskPage
          view={view}
          tasks={tasks}
          isLoading={!data}
          trouble={data || isExpired ? undefined : error}
          onRetry={() => void refetch()}
          refused={refused}
          waiting={waiting}
          search={search}
          onSearch={setSearch}
          onGone={() => go({ kind: 'all' })}
        />
        <Notices notice={notice} onDone={() => onNotice(undefined)} />
      </div>
    </SharedContext>
  )
}

const NO_PARTS: readonly Task[] = []

function partsByTask(tasks: readonly Task[]): Map<string, Task[]> {
  const parts = tasks.filter(({ parent_id }) => parent_id !== null)
  return Map.groupBy(
    parts.sort((a, b) => a.position - b.position),
    ({ parent_id }) => parent_id ?? '',
  )
}

/** The browser asks before a window with unsent changes is closed. */
function useUnloadWarning(isNeeded: boolean): void {
  useEffect(() => {
    if (!isNeeded) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [isNeeded])
}
