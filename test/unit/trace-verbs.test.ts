import { expect, test } from 'bun:test'
import { verbOf } from '../../src/http/tracing.ts'

test.each([
  ['select 1', 'SELECT'],
  ['  insert into t values (1)', 'INSERT'],
  ['with "bump" as (insert into users values ($1) returning 1) update "tasks" set "update" = 1', 'UPDATE'],
  ['with a as (select (1)), b as (delete from t) insert into t select * from a', 'INSERT'],
  [`with a as (select ')' || 'delete') select * from a`, 'SELECT'],
  ['begin', 'BEGIN'],
  ['', 'OTHER'],
])('the operation of %p is %s', (text, verb) => {
  expect(verbOf(text)).toBe(verb)
})
