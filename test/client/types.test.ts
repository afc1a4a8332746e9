import { expect, test } from 'bun:test'
import type { App } from '../../src/app.ts'
import type * as client from '../../src/client/index.ts'

type Tasks = App['~Routes']['api'][':user_id']['tasks']
type Page = Tasks['get']
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

/** The client's own types, which need nothing of the server's, against those of the app. Each must be `true`. */
const held = {
  task: true satisfies Same<client.Task, Page['response'][200][number]>,
  newTask: true satisfies Same<client.NewTask, Tasks['post']['body']>,
  changes: true satisfies Same<client.TaskFields, Tasks[':id']['put']['body']>,
  query: true satisfies Same<client.TaskQuery, Omit<Page['query'], 'limit' | 'cursor' | 'count'>>,
  problem: true satisfies Same<client.ProblemDocument, Page['response'][422]>,
  fields: true satisfies Same<keyof client.NewTask, keyof Tasks['post']['body']>,
  filters: true satisfies Same<keyof client.TaskQuery, Exclude<keyof Page['query'], 'limit' | 'cursor' | 'count'>>,
}

test("the client's types are the app's", () => {
  // Checked by the compiler; at run time there is nothing left of them.
  expect(Object.values(held)).not.toContain(false)
})
