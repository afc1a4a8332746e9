import { afterAll } from 'bun:test'
import { stopAll } from './boot.ts'

// One PostgreSQL serves every file of a run, and ends with it.
afterAll(stopAll)
