import type { NextConfig } from 'next'

// Lock files further up, such as the repository's, are none of this project's.
export default { turbopack: { root: process.cwd() } } satisfies NextConfig
