import { createPurge } from '../resource/purge.ts'
import { list } from './fields.ts'

/** Empties the lists that have been in the trash for `days`. */
export const purgeExpired = createPurge(list)
