import { type FormEvent, useState } from 'react'
import { backend, type User } from '../lib/backend.ts'

export function SignIn({ onDone }: { onDone(user: User): void }) {
  const [problem, setProblem] = useState('')

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget, (event.nativeEvent as SubmitEvent).submitter)
    const text = (name: string) => String(form.get(name) ?? '')
    try {
      const isNew = text('action') === 'up'
      onDone(await (isNew ? backend.signUp : backend.signIn)(text('email'), text('password')))
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <form onSubmit={submit}>
      <h1>To do</h1>
      <p>
        <label>
          E-mail <input name="email" type="email" autoComplete="email" required />
        </label>
      </p>
      <p>
        <label>
          Password <input name="password" type="password" minLength={8} required />
        </label>
      </p>
      <button type="submit" name="action" value="up">
        Sign up
      </button>{' '}
      <button type="submit" name="action" value="in">
        Sign in
      </button>
      <p role="alert">{problem}</p>
    </form>
  )
}
