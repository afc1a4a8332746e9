import { type FormEvent, useState } from 'react'
import { useShared } from './hooks.ts'
import { PenIcon, TrashIcon } from './icons.tsx'

/** The name of the list that is shown, which can be renamed and deleted here. */
export function ListHead({ id, onGone }: { id: string; onGone(): void }) {
  const { store, lists, tell } = useShared()
  const [isRenaming, setIsRenaming] = useState(false)
  const list = lists.find((one) => one.id === id)
  if (!list) return <h1>A list that is gone</h1>
  const { name } = list

  function rename(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const title = String(new FormData(event.currentTarget).get('name')).trim()
    if (title !== '' && title !== name) store.send({ kind: 'rename-list', id, title })
    setIsRenaming(false)
  }

  function remove() {
    store.send({ kind: 'remove-list', id, title: name })
    const undo = () => store.send({ kind: 'restore-list', id, title: name })
    tell({ text: `“${name}” and its tasks are deleted`, undo })
    onGone()
  }

  if (isRenaming)
    return (
      <form className="rename" onSubmit={rename}>
        <input
          name="name"
          aria-label="Name of the list"
          defaultValue={name}
          autoComplete="off"
          // biome-ignore lint/a11y/noAutofocus: the reader has just asked to type here
          autoFocus
          onBlur={({ target }) => target.form?.requestSubmit()}
          onKeyDown={({ key }) => key === 'Escape' && setIsRenaming(false)}
        />
      </form>
    )
  return (
    <div className="list-head">
      <h1>{name}</h1>
      <button
        type="button"
        className="quiet"
        aria-label={`Rename the list ${name}`}
        onClick={() => setIsRenaming(true)}
      >
        <PenIcon />
      </button>
      <button type="button" className="quiet" aria-label={`Delete the list ${name}`} onClick={remove}>
        <TrashIcon />
      </button>
    </div>
  )
}
