/** What is asked of every contender; `load.lua` makes the requests. */
export const LOADS = ['get', 'list', 'list-304', 'create', 'update', 'complete', 'changes', 'mix'] as const
export type Load = (typeof LOADS)[number]

/**
 * What the plain services cannot be asked: they keep no revision to list changes by, and the mix has changes in it. The
 * Go one answers 304 by an ETag of the list's body, which saves bytes but no work; the others do not.
 */
const LACKS: Readonly<Record<string, readonly Load[]>> = {
  'plain Go': ['changes', 'mix'],
  'async FastAPI': ['list-304', 'changes', 'mix'],
  'bun:sqlite': ['list-304', 'changes', 'mix'],
}

/** Whether a contender works on one table of seven columns, with no counter and no sync. */
export const isPlain = (contender: string) => contender in LACKS

/** Whether a contender can be asked for a load; where it cannot, the report says "–". */
export const answersLoad = (contender: string, load: Load) => !LACKS[contender]?.includes(load)

/** How much there is to ask for. Tasks are dealt out to users in turn, so that a user's lie far apart, as they would. */
export interface Volume {
  users: number
  tasks: number
}

export const userName = (number: number) => `bench-${String(number).padStart(6, '0')}`
export const taskId = (number: number) => `00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
export const tasksEach = ({ users, tasks }: Volume) => Math.floor(tasks / users)
