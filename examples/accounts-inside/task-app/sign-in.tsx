import { type FormEvent, useId, useRef, useState } from 'react'
import { type Backend, SignInRefused, type User } from './backend.ts'
import { Mark } from './icons.tsx'

interface Props {
  backend: Backend
  onDone(user: User): void
  /** The e-mail address of a session that has ended. */
  renews?: string
}

const SENT = 'If this address has an account, a link for a new password is on its way to it.'

const UNREACHABLE = 'The service cannot be reached. Please try again.'

/** Codes of Better Auth for an address that has an account already. */
const TAKEN = /^USER_ALREADY_EXISTS/

/** Signing in and up in one form, so that what was typed is kept when people change their mind. */
export function SignIn({ backend, onDone, renews }: Props) {
  const [isNew, setIsNew] = useState(false)
  const [isBusy, setIsBusy] = useState(false)
  const [problem, setProblem] = useState<{ text: string; isTaken?: boolean }>()
  const [isSent, setIsSent] = useState(false)
  const address = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)
  const problemId = useId()

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const [email, secret] = [String(form.get('email')).trim(), String(form.get('password'))]
    setIsBusy(true)
    try {
      onDone(await (isNew ? backend.signUp : backend.signIn)(email, secret))
    } catch (error) {
      show(error)
      password.current?.select()
    }
  }

  function show(error: unknown) {
    setIsBusy(false)
    setIsSent(false)
    const isRefusal = error instanceof SignInRefused
    setProblem({ text: isRefusal ? error.message : UNREACHABLE, isTaken: isRefusal && TAKEN.test(error.code) })
  }

  async function sendLink() {
    // Asks for an address where there is none.
    if (!address.current?.reportValidity()) return
    setIsBusy(true)
    try {
      await backend.forgotPassword?.(address.current.value.trim())
      setIsBusy(false)
      setProblem(undefined)
      setIsSent(true)
    } catch (error) {
      show(error)
    }
  }

  const turn = () => {
    setIsNew(!isNew)
    setProblem(undefined)
    setIsSent(false)
    password.current?.focus()
  }

  return (
    <form className="sign-in" onSubmit={submit}>
      <Mark />
      <h1 id="sign-in-title">{renews ? 'Please sign in again' : isNew ? 'Create your account' : 'Sign in'}</h1>
      {renews && <p>Your session has ended. Nothing that you typed is lost.</p>}
      <label>
        E-mail
        <input
          ref={address}
          name="email"
          type="email"
          autoComplete="username"
          required
          // The field that a reader who opens this page wants.
          // biome-ignore lint/a11y/noAutofocus: signing in is all that the page is for
          autoFocus={!renews}
          defaultValue={renews}
          readOnly={renews !== undefined}
        />
      </label>
      <label>
        Password
        <input
          ref={password}
          name="password"
          type="password"
          minLength={isNew ? 8 : undefined}
          autoComplete={isNew ? 'new-password' : 'current-password'}
          aria-invalid={problem !== undefined}
          aria-describedby={problemId}
          required
          // biome-ignore lint/a11y/noAutofocus: the address is known, the password is asked for
          autoFocus={renews !== undefined}
        />
      </label>
      <p id={problemId} className="problem" role="alert">
        {problem?.text ?? ''}
      </p>
      {isNew && !problem && <p className="hint">At least 8 characters.</p>}
      <p className="hint" role="status">
        {isSent ? SENT : ''}
      </p>
      <button type="submit" className="primary" disabled={isBusy}>
        {isNew ? 'Create account' : 'Sign in'}
      </button>
      {!isNew && backend.forgotPassword && (
        <p className="turn">
          <button type="button" className="link" onClick={sendLink} disabled={isBusy}>
            Forgot your password?
          </button>
        </p>
      )}
      {!renews && (
        <p className="turn">
          {isNew ? (problem?.isTaken ? 'That is you?' : 'You have an account?') : 'New here?'}{' '}
          <button type="button" className="link" onClick={turn}>
            {isNew ? 'Sign in' : 'Create an account'}
          </button>
        </p>
      )}
    </form>
  )
}
