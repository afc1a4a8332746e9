import { createInterface } from 'node:readline/promises'
import { startAgent } from './agent.ts'

function needed(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} must be set: see README.md`)
  return value
}

const terminal = createInterface({ input: process.stdin, output: process.stdout })
const agent = await startAgent({
  modelUrl: process.env['OPENAI_BASE_URL'] ?? 'https://api.openai.com/v1',
  modelKey: process.env['OPENAI_API_KEY'],
  model: needed('MODEL'),
  doableUrl: process.env['DOABLE_URL'] ?? 'http://localhost:8000',
  doableToken: needed('DOABLE_TOKEN'),
  confirm: async (tool, given) => /^y/i.test(await terminal.question(`${tool} ${JSON.stringify(given)} [y/N] `)),
})
terminal.on('close', () => void agent.stop().then(() => process.exit()))
for (;;) {
  const answer = await agent.say(await terminal.question('> '))
  process.stdout.write(`${answer}\n`)
}
