import { DoableError } from './problem.ts'

export interface TokenOptions {
  /**
   * Gives a JWT; nothing (undefined, null or an empty text) says that nobody is signed in.
   * Called when there is no token yet, and again when the service has refused the last one:
   * then with `expired` true, so that a cache is passed by. All requests that wait share one
   * call. What it throws ends those requests, and `watch`, with that very error: nothing is
   * tried again, so retry in here what may pass.
   */
  token(why: { expired: boolean }): Token | Promise<Token>
  /**
   * Called when the user has to sign in again: `token` has thrown or given nothing, or the
   * service refuses the token that it gave. `reason` is the error that the request throws.
   * Called once until a token is accepted again.
   */
  onSignedOut?: (reason: unknown) => void
}

type Token = string | null | undefined

export type Tokens = ReturnType<typeof createTokens>

/** Keeps the token that is in use, and asks for another when that one has been refused. */
export function createTokens({ token, onSignedOut }: TokenOptions) {
  let current: Promise<string> | undefined
  let refused = false
  let told = false

  async function ask(): Promise<string> {
    const given = await token({ expired: refused })
    if (!given) throw new DoableError({ status: 401, code: 'token-missing', detail: 'Please sign in.' })
    refused = false
    return given
  }

  function signedOut(reason: unknown): void {
    if (told) return
    told = true
    onSignedOut?.(reason)
  }

  /** Forgets a refused token, unless another request has renewed it already. */
  function forget(used: Promise<string>): void {
    if (current !== used) return
    current = undefined
    refused = true
  }

  return {
    /** The token in use. @throws what the callback throws. */
    current(): Promise<string> {
      if (current) return current
      const asked = ask()
      current = asked
      asked.catch((reason: unknown) => {
        if (current === asked) current = undefined
        signedOut(reason)
      })
      return asked
    },
    forget,
    /** The service refuses this token, and another one would not help. */
    reject(used: Promise<string>, reason: DoableError): void {
      forget(used)
      signedOut(reason)
    },
    accept(): void {
      told = false
    },
  }
}
