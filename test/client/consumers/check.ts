/**
 * Installs the packed client where people install it: a Vite application, a Next application
 * with the settings that Next itself writes, and Node 20 and 22, which run it against a
 * service. Needs npm and a package registry; `examples/check.sh` runs it.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boot, stopAll } from '../../kit/boot.ts'

const root = join(import.meta.dir, '../../..')
const place = await mkdtemp(join(tmpdir(), 'doable-consumers-'))

async function run(cwd: string, ...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }, stderr: 'pipe' })
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}:\n${output}${errors}`)
  return output
}

/** A consumer in a folder of its own, so that nothing of this checkout is found from there. */
async function install(consumer: string, ...command: string[]): Promise<string> {
  const cwd = join(place, consumer)
  await cp(join(import.meta.dir, consumer), cwd, { recursive: true })
  await cp(join(place, 'doable-client.tgz'), join(cwd, 'doable-client.tgz'))
  await run(cwd, ...command)
  return cwd
}

const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  await run(root, process.execPath, 'scripts/build-client.ts', '--outdir', place)

  for (const consumer of ['vite', 'next']) {
    const cwd = await install(consumer, process.execPath, 'install', '--silent')
    await run(cwd, process.execPath, 'run', 'check')
    say(`${consumer}: types checked and built`)
  }

  const cwd = await install('node', 'npm', 'install', '--silent', '--no-audit', '--no-fund')
  const service = await boot('embedded')
  for (const version of ['20', '22']) {
    const user = `node-${version}`
    const args = [service.url, user, await service.tokens.sign(user, 600)]
    const output = await run(cwd, 'npx', '-y', '--package', `node@${version}`, 'node', 'run.js', ...args)
    const expected = { node: version, seen: [['Buy milk', true]], total: 1, exported: true, refused: 'task-not-found' }
    if (!Bun.deepEquals(JSON.parse(output), expected)) throw new Error(`node ${version}: ${output}`)
    say(`node ${version}: ${output}`)
  }
} finally {
  await stopAll()
  await rm(place, { recursive: true, force: true })
}
