import type { Doable } from 'doable/client'

export interface User {
  id: string
  email: string
}

/** What the application needs of the place it runs in: who is signed in, and that user's tasks. */
export interface Backend {
  /** Null: nobody is signed in. @throws any error while the service cannot be reached. */
  currentUser(): Promise<User | null>
  /** @throws SignInRefused, or any error while the service cannot be reached. */
  signUp(email: string, password: string): Promise<User>
  /** @throws SignInRefused, or any error while the service cannot be reached. */
  signIn(email: string, password: string): Promise<User>
  signOut(): Promise<void>
  /**
   * Has a link for a new password sent, where the address has an account. Undefined: there is no such thing here.
   *
   * @throws SignInRefused, or any error while the service cannot be reached.
   */
  forgotPassword?(email: string): Promise<void>
  /** @param onSignedOut called when the user has to sign in again. */
  tasksOf(userId: string, onSignedOut: (reason: unknown) => void): Doable
}

/** Signing in or up was refused. `message` is fit to show; `code` is Better Auth's. */
export class SignInRefused extends Error {
  override readonly name = 'SignInRefused'
  readonly code: string

  constructor(message: string, code = 'unknown') {
    super(message)
    this.code = code
  }
}
