/**
 * Random rules beside python-dateutil's: `bun test/recurrence/compare.ts [cases] [seed]`, 10,000 cases by default.
 * Ends with 1 when any task that repeats is due on another date. What dateutil does otherwise, and why that is
 * wrong here, stands in `occurrences.py`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expected, follow, readCases } from './follow.ts'

const [cases = '10000', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2)
const temporary = await mkdtemp(join(tmpdir(), 'doable-recurrence-'))

async function run(...command: string[]): Promise<string> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const { stdout, exited } = Bun.spawn(command, { env, stdout: 'pipe', stderr: 'inherit' })
  const text = await new Response(stdout).text()
  if ((await exited) !== 0) throw new Error(`${command.join(' ')} failed`)
  return text
}

let differences = 0
try {
  const bin = join(temporary, 'venv/bin')
  await run('python3', '-m', 'venv', join(temporary, 'venv'))
  await run(join(bin, 'pip'), 'install', '--quiet', '--requirement', join(import.meta.dir, 'requirements.txt'))
  const lines = await run(join(bin, 'python'), join(import.meta.dir, 'occurrences.py'), seed, cases)
  for (const found of readCases(lines)) {
    const [want, got] = [expected(found).join(' '), follow(found).join(' ')]
    if (want === got) continue
    differences++
    process.stdout.write(`${found.rule} in ${found.zone}\n  dateutil ${want}\n  doable   ${got}\n`)
  }
} finally {
  await rm(temporary, { recursive: true, force: true })
}
process.stdout.write(`seed ${seed}: ${differences} of ${cases} rules differ\n`)
process.exit(differences === 0 ? 0 : 1)
