import { expect, test } from 'bun:test'
import type { App } from '../../src/app.ts'
import type * as client from '../../src/client/index.ts'

type OfUser = App['~Routes']['api'][':user_id']
type Tasks = OfUser['tasks']
type Page = Tasks['get']
type Lists = OfUser['lists']
type Results = OfUser['batch']['post']['response'][200]['results'][number]
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

/** The client's own types against those of the app, which it cannot import. Each must be `true`. */
const held = {
  task: true satisfies Same<client.Task, Page['response'][200][number]>,
  newTask: true satisfies Same<client.NewTask, Tasks['post']['body']>,
  // The client's callers write `[]` where the body may say null.
  fields: true satisfies [client.TaskFields] extends [Tasks[':id']['put']['body']] ? true : false,
  fieldNames: true satisfies Same<keyof client.TaskFields, keyof Tasks[':id']['put']['body']>,
  query: true satisfies Same<client.PageQuery, Page['query']>,
  problem: true satisfies Same<client.ProblemDocument, Page['response'][422]>,
  newTaskNames: true satisfies Same<keyof client.NewTask, keyof Tasks['post']['body']>,
  queryNames: true satisfies Same<keyof client.PageQuery, keyof Page['query']>,
  changes: true satisfies Same<client.ChangePage, OfUser['changes']['get']['response'][200]>,
  list: true satisfies Same<client.CountedList, Lists['get']['response'][200][number]>,
  listOfWrites: true satisfies Same<client.List, Lists['post']['response'][201]>,
  newList: true satisfies Same<client.NewList, Lists['post']['body']>,
  listFields: true satisfies Same<client.ListFields, Lists[':id']['put']['body']>,
  newListNames: true satisfies Same<keyof client.NewList, keyof Lists['post']['body']>,
  operations: true satisfies [client.Operation | client.ListOperation] extends [
    OfUser['batch']['post']['body']['operations'][number],
  ]
    ? true
    : false,
  operationNames: true satisfies Same<
    (client.Operation | client.ListOperation)['op'],
    OfUser['batch']['post']['body']['operations'][number]['op']
  >,
  results: true satisfies [client.OperationResult | client.ListOperationResult] extends [Results] ? true : false,
  resultNames: true satisfies Same<keyof client.OperationResult | keyof client.ListOperationResult, keyof Results>,
  imported: true satisfies Same<client.ImportResult, OfUser['import']['post']['response'][200]>,
}

test("the client's types are the app's", () => {
  // The compiler checks them. At run time types do not exist.
  expect(Object.values(held)).not.toContain(false)
})
