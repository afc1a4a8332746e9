import { afterAll, setDefaultTimeout } from 'bun:test'
import { stopAll } from './kit/boot.ts'

// On a busy machine a database starts slowly. Tests of promised times measure those themselves.
setDefaultTimeout(120_000)

// One PostgreSQL serves every test file of a run, and is stopped at its end.
afterAll(stopAll, 60_000)
