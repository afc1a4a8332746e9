/**
 * Schemathesis with all its checks against the running service and its own OpenAPI document,
 * over both databases. `EXAMPLES` for each operation (20; give it hundreds by hand),
 * `DOABLE_BINARY` for the compiled program, `SCHEMATHESIS` for one that is installed already.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boot, databases, stopAll } from '../kit/boot.ts'

const examples = process.env['EXAMPLES'] ?? '20'
const temporary = await mkdtemp(join(tmpdir(), 'doable-fuzz-'))

async function run(command: string[]): Promise<number> {
  return Bun.spawn(command, {
    cwd: temporary,
    env: { ...process.env, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: import.meta.dir, PYTHONDONTWRITEBYTECODE: '1' },
    stdout: 'inherit',
    stderr: 'inherit',
  }).exited
}

async function install(): Promise<string> {
  const bin = join(temporary, 'venv/bin')
  const requirements = join(import.meta.dir, 'requirements.txt')
  if ((await run(['python3', '-m', 'venv', join(temporary, 'venv')])) !== 0) throw new Error('no virtual environment')
  if ((await run([join(bin, 'pip'), 'install', '--quiet', '--requirement', requirements])) !== 0)
    throw new Error('Schemathesis could not be installed')
  return join(bin, 'schemathesis')
}

let failed = false
try {
  const schemathesis = process.env['SCHEMATHESIS'] ?? (await install())
  for (const kind of databases) {
    const service = await boot(kind, { RATE_LIMIT: '0', ACCOUNTS: 'off', LOG_LEVEL: 'warn' })
    process.stdout.write(`\nOver ${kind}, ${examples} examples for each operation\n`)
    const status = await run([
      ...[schemathesis, '--config-file', join(import.meta.dir, 'schemathesis.toml')],
      ...['run', `${service.url}/swagger/json`, '--url', service.url, '--checks', 'all'],
      ...['--header', `Authorization: Bearer ${await service.tokens.sign('alice', 24 * 3600)}`],
      ...['--max-examples', examples, '--suppress-health-check', 'all', '--warnings', 'off', '--no-color'],
    ])
    if (status !== 0) failed = true
    await service.stop()
  }
} finally {
  await stopAll()
  await rm(temporary, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)
