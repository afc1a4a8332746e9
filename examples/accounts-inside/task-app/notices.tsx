import { useEffect, useRef } from 'react'
import type { Notice } from './hooks.ts'
import { CrossIcon } from './icons.tsx'

const SHOWN_MS = 10_000

/** Says what has just happened. Stays while the pointer or the focus is on it. Ctrl+Z or ⌘Z takes it back. */
export function Notices({ notice, onDone }: { notice: Notice | undefined; onDone(): void }) {
  const box = useRef<HTMLDivElement>(null)
  const done = useRef(onDone)
  done.current = onDone

  useEffect(() => {
    if (!notice) return
    const look = () => {
      if (box.current?.matches(':hover, :focus-within')) timer = setTimeout(look, SHOWN_MS)
      else done.current()
    }
    let timer = setTimeout(look, SHOWN_MS)
    const undoByKey = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof HTMLElement && event.target.matches('input:not([type=checkbox]), textarea')
      if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey || isTyping) return
      event.preventDefault()
      notice.undo?.()
      done.current()
    }
    addEventListener('keydown', undoByKey)
    return () => {
      clearTimeout(timer)
      removeEventListener('keydown', undoByKey)
    }
  }, [notice])

  return (
    <div className="notices" ref={box}>
      <div role="status">{notice && <span className="notice-text">{notice.text}</span>}</div>
      {notice?.undo && (
        <button
          type="button"
          onClick={() => {
            notice.undo?.()
            onDone()
          }}
        >
          Undo
        </button>
      )}
      {notice && (
        <button type="button" className="dismiss" aria-label="Dismiss" onClick={onDone}>
          <CrossIcon />
        </button>
      )}
    </div>
  )
}
