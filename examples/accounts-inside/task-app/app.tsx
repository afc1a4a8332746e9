import { useEffect, useRef, useState } from 'react'
import type { Backend, User } from './backend.ts'
import { Mark } from './icons.tsx'
import { Session } from './session.tsx'
import { SignIn } from './sign-in.tsx'

const RETRY_MS = 3000

type State = { phase: 'loading' | 'unreachable' | 'out' } | { phase: 'in'; user: User; isExpired: boolean }

/** The whole application: signing in, then the tasks. A session that ends is renewed above the tasks, which stay. */
export function TaskApp({ backend }: { backend: Backend }) {
  const [state, setState] = useState<State>({ phase: 'loading' })

  useEffect(() => {
    let isGone = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = () => {
      backend.currentUser().then(
        (user) => {
          if (!isGone) setState(user ? { phase: 'in', user, isExpired: false } : { phase: 'out' })
        },
        () => {
          if (isGone) return
          setState({ phase: 'unreachable' })
          timer = setTimeout(look, RETRY_MS)
        },
      )
    }
    look()
    return () => {
      isGone = true
      clearTimeout(timer)
    }
  }, [backend])

  const signedIn = (user: User) => setState({ phase: 'in', user, isExpired: false })

  if (state.phase === 'out')
    return (
      <main className="door">
        <SignIn backend={backend} onDone={signedIn} />
      </main>
    )
  if (state.phase === 'in') {
    const { user, isExpired } = state
    return (
      <>
        <Session
          // Another user's tasks are another store.
          key={user.id}
          user={user}
          backend={backend}
          isExpired={isExpired}
          onExpired={() => setState({ phase: 'in', user, isExpired: true })}
          onSignedOut={() => setState({ phase: 'out' })}
        />
        {isExpired && <Renewal backend={backend} user={user} onDone={signedIn} />}
      </>
    )
  }
  return (
    <main className="door" aria-busy="true">
      <Mark />
      <p role="status">
        {state.phase === 'unreachable' ? 'The service cannot be reached. Trying again…' : 'One moment…'}
      </p>
    </main>
  )
}

/** Asks to sign in again. The tasks behind it keep what was being typed. */
function Renewal({ backend, user, onDone }: { backend: Backend; user: User; onDone(user: User): void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      className="renewal"
      aria-labelledby="sign-in-title"
      onCancel={(event) => event.preventDefault()}
    >
      <SignIn backend={backend} onDone={onDone} renews={user.email} />
    </dialog>
  )
}
