import { afterAll, setDefaultTimeout } from 'bun:test'
import { stopAll } from './kit/boot.ts'

// Starting a database takes its time on a busy machine; what is promised in time is measured in the tests themselves.
setDefaultTimeout(120_000)

// One PostgreSQL serves every file of a run, and ends with it.
afterAll(stopAll, 60_000)
