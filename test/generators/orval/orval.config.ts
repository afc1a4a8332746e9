import { defineConfig } from 'orval'

export default defineConfig({
  doable: {
    input: 'openapi.json',
    output: {
      target: 'client.ts',
      client: 'fetch',
      // User ids may be e-mail addresses: they must be encoded in paths.
      urlEncodeParameters: true,
      override: { mutator: { path: 'send.ts', name: 'send' } },
    },
  },
})
