import { afterAll, setDefaultTimeout } from 'bun:test'
import { tidyUp } from './kit/boot.ts'

// On a busy machine a database starts slowly. Tests of promised times measure those themselves.
setDefaultTimeout(120_000)

// After each file. The PostgreSQL that they share goes with the process.
afterAll(tidyUp, 60_000)
