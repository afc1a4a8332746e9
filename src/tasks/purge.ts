import { createPurge } from '../resource/purge.ts'
import { task } from './fields.ts'

/** Empties the tasks that have been in the trash for `days`. */
export const purgeExpired = createPurge(task)
