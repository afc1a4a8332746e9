import type { Draft } from './composer.tsx'
import { isSignedOut, type Unsent } from './store.ts'
import { nameOfWrite } from './writes.ts'

interface Props {
  refused: readonly Unsent[]
  /** Takes an add back to where it is typed. */
  onEdit(draft: Draft): void
}

/** Changes that the service has refused, each with its reason: nothing that was typed is lost. */
export function Refused({ refused, onEdit }: Props) {
  // These are sent again by themselves once the user has signed in.
  const shown = refused.filter(({ error }) => !isSignedOut(error))
  return (
    <div role="alert">
      {shown.length > 0 && (
        <section className="refused" aria-label="Not saved">
          <h2>Not saved</h2>
          <ul>
            {shown.map(({ write, error, again, forget }) => (
              <li key={`${write.kind} ${write.id}`}>
                <p>
                  <strong>{nameOfWrite(write)}</strong>
                  {error?.message}
                </p>
                <p className="actions">
                  <button type="button" onClick={again}>
                    Try again
                  </button>
                  {write.kind === 'add' && (
                    <button
                      type="button"
                      onClick={() => {
                        forget()
                        onEdit({ line: write.title, chosen: write.fields })
                      }}
                    >
                      Edit
                    </button>
                  )}
                  <button type="button" className="quiet" onClick={forget}>
                    Discard
                  </button>
                </p>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}
