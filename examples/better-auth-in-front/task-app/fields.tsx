import type { Priority } from 'doable/client'
import { useId, useState } from 'react'
import { addDays, type Due, dueAt, dueDay, dueTime, nextWeekday } from './due.ts'
import { useShared } from './hooks.ts'
import { BellIcon, CrossIcon, FlagIcon, ListIcon, RepeatIcon, TagIcon } from './icons.tsx'
import { askForNotifications } from './notify.ts'
import { localTime, nameOfRule, RULES, type Times, withDue, withRule } from './repeat.ts'

const MONDAY = 1

/** A day, and a time of day if one is wanted. */
function DueField({ due, onChange }: { due: Due | null; onChange(due: Due | null): void }) {
  const { today } = useShared()
  const day = due === null ? '' : dueDay(due)
  const time = dueTime(due)
  const [wantsTime, setWantsTime] = useState(false)
  const quick: [name: string, day: string][] = [
    ['Today', today],
    ['Tomorrow', addDays(today, 1)],
    ['Next week', nextWeekday(today, MONDAY)],
  ]
  return (
    <fieldset className="field due">
      <legend className="unseen">Due</legend>
      {quick.map(([name, value]) => (
        <button
          key={name}
          type="button"
          className="chip"
          aria-pressed={day === value}
          onClick={() => onChange(day === value ? null : dueAt(value, time))}
        >
          {name}
        </button>
      ))}
      <input
        type="date"
        aria-label="Due date"
        value={day}
        onChange={({ target }) => onChange(dueAt(target.value, time))}
      />
      {due !== null && !wantsTime && time === '' && (
        <button type="button" className="chip" onClick={() => setWantsTime(true)}>
          Add a time
        </button>
      )}
      {due !== null && (wantsTime || time !== '') && (
        <input
          type="time"
          aria-label="Time of day"
          value={time}
          onChange={({ target }) => onChange(dueAt(day, target.value))}
        />
      )}
    </fieldset>
  )
}

export function PriorityField({ priority, onChange }: { priority: Priority; onChange(priority: Priority): void }) {
  return (
    <label className={`field priority ${priority}`}>
      <FlagIcon />
      <span className="unseen">Priority</span>
      <select value={priority} onChange={({ target }) => onChange(target.value as Priority)}>
        <option value="high">High</option>
        <option value="medium">Medium</option>
        <option value="low">Low</option>
      </select>
    </label>
  )
}

interface TimesProps {
  times: Times
  onChange(times: Times): void
}

/** When it is due, whether it repeats, and when to be reminded. */
export function TimesFields({ times, onChange }: TimesProps) {
  const { today } = useShared()
  const { due_date = null, recurrence = null, remind_at = null } = times
  return (
    <>
      <DueField due={due_date} onChange={(due) => onChange(withDue(times, due))} />
      <label className="field">
        <RepeatIcon />
        <span className="unseen">Repeat</span>
        <select
          value={recurrence ?? ''}
          onChange={({ target }) => onChange(withRule(times, target.value || null, today))}
        >
          <option value="">Once</option>
          {Object.entries(RULES).map(([rule, name]) => (
            <option key={rule} value={rule}>
              {name}
            </option>
          ))}
          {recurrence !== null && !(recurrence in RULES) && (
            <option value={recurrence}>{nameOfRule(recurrence)}</option>
          )}
        </select>
      </label>
      <ReminderField
        moment={remind_at}
        onChange={(moment) => {
          if (moment !== null) askForNotifications()
          onChange({ ...times, remind_at: moment })
        }}
      />
    </>
  )
}

function ReminderField({ moment, onChange }: { moment: string | null; onChange(moment: string | null): void }) {
  const [isWanted, setIsWanted] = useState(false)
  if (moment === null && !isWanted)
    return (
      <button type="button" className="chip" onClick={() => setIsWanted(true)}>
        <BellIcon /> Remind me
      </button>
    )
  return (
    <label className="field">
      <BellIcon />
      <span className="unseen">Remind me at</span>
      <input
        type="datetime-local"
        className="moment"
        value={localTime(moment)}
        onChange={({ target }) => onChange(target.value === '' ? null : new Date(target.value).toISOString())}
      />
    </label>
  )
}

/** Which list it is in. Nothing to choose while there are no lists. */
export function ListField({ list, onChange }: { list: string | null; onChange(list: string | null): void }) {
  const { lists } = useShared()
  if (lists.length === 0) return null
  return (
    <label className="field list">
      <ListIcon />
      <span className="unseen">List</span>
      <select value={list ?? ''} onChange={({ target }) => onChange(target.value || null)}>
        <option value="">No list</option>
        {lists.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

/** A word becomes a tag by Enter, a comma, a space, or by leaving the field. */
export function TagsField({ tags, onChange }: { tags: readonly string[]; onChange(tags: string[]): void }) {
  const { tags: known } = useShared()
  const [word, setWord] = useState('')
  const listId = useId()

  function take(text: string) {
    const words = text.split(/[\s,#]+/).filter((part) => part !== '')
    if (words.length > 0) onChange([...new Set([...tags, ...words])])
    setWord('')
  }

  return (
    <div className="field tags">
      <TagIcon />
      {tags.map((tag) => (
        <button
          key={tag}
          type="button"
          className="chip on"
          aria-label={`Remove the tag ${tag}`}
          onClick={() => onChange(tags.filter((other) => other !== tag))}
        >
          {tag} <CrossIcon />
        </button>
      ))}
      <input
        aria-label="Add a tag"
        placeholder="Tag"
        autoComplete="off"
        list={listId}
        value={word}
        onChange={({ target }) => (/[\s,]$/.test(target.value) ? take(target.value) : setWord(target.value))}
        onBlur={() => take(word)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && word !== '') {
            event.preventDefault()
            take(word)
          }
          if (event.key === 'Backspace' && word === '') onChange(tags.slice(0, -1))
        }}
      />
      <datalist id={listId}>
        {known.map((tag) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
    </div>
  )
}
