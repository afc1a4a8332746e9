import { list } from './lists/fields.ts'
import { reckonStatement } from './resource/change.ts'
import { task } from './tasks/fields.ts'

/** Everything that users have rows of. */
export const resources = [task, list] as const

/** Sums up what all rows of a user take, where that has not been done. */
export const reckonUser = reckonStatement('reckon_user', resources, 'uncounted')
