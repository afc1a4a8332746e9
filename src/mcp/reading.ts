import { Type } from '@sinclair/typebox'
import type { Work } from '../db/work.ts'
import { choice, Page, type PageQuery } from '../http/query.ts'
import { CountedList } from '../lists/model.ts'
import { readLists } from '../lists/read.ts'
import { invalid } from '../problem.ts'
import { Uuid } from '../resource/schemas.ts'
import type { ListRequest, ListTasks } from '../tasks/list.ts'
import { sortOf } from '../tasks/page.ts'
import { filtersOf, TaskQuery } from '../tasks/query.ts'
import { findTask } from '../tasks/store.ts'
import { type JsonSchema, omit, outputSchema } from './schema.ts'
import { defineTool, type Tool } from './tool.ts'
import { outputOf, success, TaskView, viewOf } from './view.ts'

/** Tasks on a page: what a model reads at once. */
const LIMIT = 25
const MAX_LIMIT = 100

const paging = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_LIMIT,
      default: LIMIT,
      description: 'Tasks on a page, at most.',
      error: `must be a whole number from 1 to ${MAX_LIMIT}`,
    }),
  ),
  cursor: Type.Optional({
    ...Page.cursor,
    description: 'The next_cursor of the page before, with the same arguments.',
  }),
}

const ListInput = Type.Object({
  ...omit(TaskQuery, 'completed', 'q', 'limit', 'cursor', 'count', 'status'),
  status: Type.Optional(
    choice(['all', 'pending', 'completed', 'deleted'], {
      default: 'all',
      description: '`deleted` lists the trash, from which restore_task brings back; no filter goes with it.',
    }),
  ),
  count: Type.Optional(
    Type.Boolean({ description: 'Whether to count all that match, into total.', error: 'must be true or false' }),
  ),
  ...paging,
})

const SearchInput = Type.Object({
  query: {
    ...Type.Optional(TaskQuery.properties.q, false),
    description: 'A part of the title or the description, in any case.',
  },
  status: TaskQuery.properties.status,
  ...paging,
})

const TaskPage = outputOf(
  {
    tasks: { type: 'array', items: TaskView },
    next_cursor: { type: 'string', description: 'For the next page; absent on the last.' },
    total: { type: 'integer' },
    is_partial: {
      type: 'boolean',
      description: 'Whether a long search stopped early: next_cursor goes on, even if tasks is empty.',
    },
  },
  ['tasks'],
)

/** What is shown of a list: what it is called by, and how much is in it. */
const LIST = ['id', 'name', 'pending', 'completed'] as const

const ListView: JsonSchema = {
  type: 'object',
  properties: Object.fromEntries(LIST.map((name) => [name, outputSchema(CountedList.properties[name])])),
  required: [...LIST],
}

type Paging = { [Name in 'limit' | 'cursor' | 'count']?: PageQuery[Name] | undefined }

const pageOf = ({ limit = LIMIT, cursor, count = false }: Paging) => ({
  limit,
  count,
  ...(cursor !== undefined && { cursor }),
})

/** The tools that change nothing. */
export function readingTools(work: Work, listTasks: ListTasks): Tool[] {
  const list = async (user: string, request: ListRequest) => {
    const { tasks, cursor, total, isPartial } = await listTasks(work, user, {
      ...request,
      limit: request.limit ?? LIMIT,
    })
    return success({
      tasks: tasks.map((task) => viewOf(task, { whole: false })),
      ...(cursor !== undefined && { next_cursor: cursor }),
      ...(request.count && total !== undefined && { total }),
      ...(isPartial && { is_partial: true }),
    })
  }
  const reads = { scope: 'tasks:read', isDestructive: false, isIdempotent: true } as const

  return [
    defineTool({
      ...reads,
      name: 'list_tasks',
      title: 'List tasks',
      description:
        'Lists the tasks of the user, newest first, a page at a time. Use it to see what there is to do, to find a task by status, priority, tag or due date, and to learn the id that other tools ask for. Dates are days (2026-11-24) or times with an offset (2026-11-24T18:30:00+01:00). Use search_tasks to find words. Deleted tasks are listed by status=deleted.',
      input: ListInput,
      output: TaskPage,
      run(user, { status = 'all', limit, cursor, count, ...query }) {
        const page = pageOf({ limit, cursor, count })
        if (status !== 'deleted')
          return list(user, { ...page, from: 'hand', ...sortOf(query.sort), filters: filtersOf({ ...query, status }) })
        const [name] = Object.keys(query)
        if (name !== undefined) throw invalid([{ pointer: `/${name}`, detail: 'has no meaning for deleted tasks' }])
        const newest = { from: 'trash', sort: 'deleted_at', descending: true } as const
        return list(user, { ...page, ...newest, filters: filtersOf({}) })
      },
    }),
    defineTool({
      ...reads,
      name: 'search_tasks',
      title: 'Search tasks',
      description:
        'Finds tasks by a part of their title or description, newest first. Use it when the user names a task by its words. It finds the words exactly as given, in any case, so prefer one distinctive word. Deleted tasks are not searched.',
      input: SearchInput,
      output: TaskPage,
      run: (user, { query, status = 'all', limit, cursor }) =>
        list(user, {
          ...pageOf({ limit, cursor }),
          from: 'hand',
          ...sortOf(),
          filters: filtersOf({ q: query, status }),
        }),
    }),
    defineTool({
      ...reads,
      name: 'get_task',
      title: 'Get a task',
      description:
        'Reads one task in full, with its whole description. Use it where a list has cut the description, or for the newest revision of a task.',
      input: Type.Object({ task_id: Uuid('The id of the task.') }),
      output: outputOf({ task: TaskView }, ['task']),
      run: async (user, { task_id }) =>
        success({ task: viewOf(await work.read(user, findTask, task_id), { whole: true }) }),
    }),
    defineTool({
      ...reads,
      name: 'list_lists',
      title: 'List the lists',
      description:
        'Lists the lists that the user sorts tasks into, with the numbers of their pending and completed tasks. Use it to learn the list_id of a list that the user names, for list_tasks, add_task and update_task. Tasks without a list are in none of them.',
      input: Type.Object({}),
      output: outputOf({ lists: { type: 'array', items: ListView } }, ['lists']),
      async run(user) {
        const { lists } = await work.scan(user, readLists, 'hand')
        return success({ lists: lists.map((list) => Object.fromEntries(LIST.map((name) => [name, list[name]]))) })
      },
    }),
  ]
}
