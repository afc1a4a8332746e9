import { join } from 'node:path'
import type { NextConfig } from 'next'

// `doable/client` is taken from the repository, two levels up; so the build must look there too.
const root = join(process.cwd(), '../..')

export default { turbopack: { root }, outputFileTracingRoot: root } satisfies NextConfig
