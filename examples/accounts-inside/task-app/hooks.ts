import type { List, Task } from 'doable/client'
import { createContext, type RefObject, useContext, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { dayOf } from './due.ts'
import type { Store, Unsent } from './store.ts'

/** A line at the foot of the window, with a way back where there is one. */
export interface Notice {
  text: string
  undo?: () => void
}

export interface Shared {
  store: Store
  /** The reader's day, as `YYYY-MM-DD`. */
  today: string
  /** In their order. */
  lists: readonly List[]
  /** The parts of a task, in their order. */
  partsOf(id: string): readonly Task[]
  /** Every tag that is in use, for suggestions. */
  tags: readonly string[]
  tell(notice: Notice): void
}

export const SharedContext = createContext<Shared | undefined>(undefined)

export function useShared(): Shared {
  const shared = useContext(SharedContext)
  if (!shared) throw new Error('SharedContext has no provider above this component')
  return shared
}

const NONE: Unsent[] = []

export function useUnsent({ subscribe, unsent }: Store): Unsent[] {
  return useSyncExternalStore(subscribe, unsent, () => NONE)
}

/** The reader's day; renders anew when it is over. */
export function useToday(): string {
  const [today, setToday] = useState(() => dayOf(new Date()))
  useEffect(() => {
    const timer = setInterval(() => setToday(dayOf(new Date())), 20_000)
    return () => clearInterval(timer)
  }, [])
  return today
}

/** The fragment of the address, which names the view: the browser's way back works. */
export function useHash(): string {
  return useSyncExternalStore(
    (changed) => {
      addEventListener('hashchange', changed)
      return () => removeEventListener('hashchange', changed)
    },
    () => location.hash,
    () => '',
  )
}

export function useOnline(): boolean {
  return useSyncExternalStore(
    (changed) => {
      addEventListener('online', changed)
      addEventListener('offline', changed)
      return () => {
        removeEventListener('online', changed)
        removeEventListener('offline', changed)
      }
    },
    () => navigator.onLine,
    () => true,
  )
}

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query)
      list.addEventListener('change', changed)
      return () => list.removeEventListener('change', changed)
    },
    () => matchMedia(query).matches,
    () => false,
  )
}

/**
 * Calls `leave` when the reader clicks beside an element, or leaves it by Tab. Not when it loses the focus: that
 * comes before the click, and what is clicked must not move meanwhile.
 */
export function useLeaving(element: RefObject<HTMLElement | null>, isActive: boolean, leave: () => void): void {
  const latest = useRef(leave)
  latest.current = leave
  useEffect(() => {
    if (!isActive) return
    const look = ({ target }: Event) => {
      // What was clicked may be gone by now, such as a tag that was removed.
      const isBeside = target instanceof Node && target.isConnected && !element.current?.contains(target)
      if (isBeside && !(target instanceof Element && target.closest('dialog'))) latest.current()
    }
    const lookAfterTab = (event: KeyboardEvent) => event.key === 'Tab' && look(event)
    addEventListener('click', look)
    addEventListener('keyup', lookAfterTab)
    return () => {
      removeEventListener('click', look)
      removeEventListener('keyup', lookAfterTab)
    }
  }, [element, isActive])
}
