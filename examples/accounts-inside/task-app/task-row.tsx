import type { Task } from 'doable/client'
import { useRef } from 'react'
import { dueDay, isDay, isOverdue, nameOfDue } from './due.ts'
import { useShared } from './hooks.ts'
import { BellIcon, CalendarIcon, DoneIcon, FlagIcon, ListIcon, NoteIcon, RepeatIcon, TrashIcon } from './icons.tsx'
import { nameOfRule } from './repeat.ts'
import { TaskEditor } from './task-editor.tsx'

interface Props {
  task: Task
  isEditing: boolean
  /** Whether the heading above says the day already. */
  isDayKnown: boolean
  /** The list that is shown, whose name need not be said. */
  shownList: string | undefined
  onEdit(): void
  onClose(): void
}

/** One task: complete it, open it to edit it in place, delete it. */
export function TaskRow({ task, isEditing, isDayKnown, shownList, onEdit, onClose }: Props) {
  const { store, tell, today } = useShared()
  const opener = useRef<HTMLButtonElement>(null)
  const row = useRef<HTMLLIElement>(null)
  const { id, title, completed } = task

  function toggle() {
    store.send({ kind: 'complete', id, title, completed: !completed })
    const undo = () => store.send({ kind: 'complete', id, title, completed })
    tell({ text: completed ? `“${short(title)}” is to be done again` : `“${short(title)}” is done`, undo })
  }

  function remove() {
    onClose()
    store.send({ kind: 'remove', id, title })
    tell({ text: `“${short(title)}” is deleted`, undo: () => store.send({ kind: 'restore', id, title }) })
  }

  function close() {
    onClose()
    // The editor has had the focus, and goes away.
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) opener.current?.focus()
    })
  }

  return (
    <li ref={row} className="row" data-task={id} data-completed={completed} data-editing={isEditing}>
      <input
        type="checkbox"
        className={`row-check ${task.priority}`}
        aria-label={`Done: ${title}`}
        checked={completed}
        onChange={toggle}
      />
      {isEditing ? (
        <TaskEditor task={task} row={row} onClose={close} onRemove={remove} />
      ) : (
        <>
          <button type="button" className="row-open" ref={opener} onClick={onEdit}>
            <span className="unseen">Edit </span>
            <span className="row-title">{title}</span>
            <Details task={task} today={today} isDayKnown={isDayKnown} shownList={shownList} />
          </button>
          <button type="button" className="row-delete quiet" aria-label={`Delete ${title}`} onClick={remove}>
            <TrashIcon />
          </button>
        </>
      )}
    </li>
  )
}

const short = (title: string) => (title.length > 40 ? `${title.slice(0, 39)}…` : title)

type DetailsProps = Pick<Props, 'task' | 'isDayKnown' | 'shownList'> & { today: string }

/** The line below the title, where there is something to say. */
function Details({ task, today, isDayKnown, shownList }: DetailsProps) {
  const { due_date, description, tags, priority, completed } = task
  const { lists, partsOf } = useShared()
  const list = lists.find(({ id }) => id === task.list_id && id !== shownList)
  const parts = partsOf(task.id)
  const isLate = due_date !== null && !completed && isOverdue(due_date, new Date())
  const isToday = due_date !== null && !completed && dueDay(due_date) === today
  const showsDue = due_date !== null && !(isDayKnown && isDay(due_date))
  const isPlain =
    !showsDue &&
    !description &&
    tags.length === 0 &&
    priority === 'medium' &&
    !list &&
    parts.length === 0 &&
    !task.recurrence &&
    !task.remind_at
  if (isPlain) return null
  return (
    <span className="details">
      {showsDue && (
        <span className={isLate ? 'late' : isToday ? 'today' : undefined}>
          <CalendarIcon />
          <span className="unseen">{isLate ? ', overdue since ' : ', due '}</span>
          {nameOfDue(due_date, today)}
        </span>
      )}
      {task.recurrence !== null && (
        <span>
          <RepeatIcon />
          <span className="unseen">, </span>
          {nameOfRule(task.recurrence)}
        </span>
      )}
      {task.remind_at !== null && task.reminded_at === null && !completed && (
        <span>
          <BellIcon />
          <span className="unseen">, reminds </span>
          {nameOfDue(task.remind_at, today)}
        </span>
      )}
      {priority !== 'medium' && (
        <span className={`flag ${priority}`}>
          <FlagIcon />
          <span className="unseen">, </span>
          {priority === 'high' ? 'High' : 'Low'}
          <span className="unseen"> priority</span>
        </span>
      )}
      {parts.length > 0 && (
        <span>
          <DoneIcon />
          <span className="unseen">, </span>
          {parts.filter((part) => part.completed).length}/{parts.length}
          <span className="unseen"> parts done</span>
        </span>
      )}
      {list && (
        <span>
          <ListIcon />
          <span className="unseen">, in the list </span>
          {list.name}
        </span>
      )}
      {tags.map((tag) => (
        <span key={tag} className="tag">
          <span className="unseen">, tag </span>#{tag}
        </span>
      ))}
      {description && (
        <span className="note">
          <NoteIcon />
          <span className="unseen">, </span>
          {description.split('\n', 1)[0]}
        </span>
      )}
    </span>
  )
}
