import type { Row } from '../../src/transfer/record.ts'

/** A row of an import with nothing but a title. */
export const plainRow = (fields: Partial<Row> & { title: string }): Row => ({
  id: Bun.randomUUIDv7(),
  description: null,
  completed: false,
  completed_at: null,
  list_id: null,
  parent_id: null,
  trashed_with: null,
  recurrence: null,
  repeat_from: 'due',
  time_zone: 'UTC',
  remind_at: null,
  series_id: null,
  next_task_id: null,
  reminded_at: null,
  priority: 'medium',
  due_date: null,
  tags: [],
  position: null,
  created_at: '2026-11-24T00:00:00.000Z',
  updated_at: '2026-11-24T00:00:00.000Z',
  deleted_at: null,
  ...fields,
})
