/** What is asked of every contender; `load.lua` makes the requests. */
export const LOADS = ['get', 'list', 'list-304', 'create', 'update', 'complete', 'changes', 'mix'] as const
export type Load = (typeof LOADS)[number]

/** How much there is to ask for. Tasks are dealt out to users in turn, so that a user's lie far apart, as they would. */
export interface Volume {
  users: number
  tasks: number
}

export const userName = (number: number) => `bench-${String(number).padStart(6, '0')}`
export const taskId = (number: number) => `00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
export const tasksEach = ({ users, tasks }: Volume) => Math.floor(tasks / users)
