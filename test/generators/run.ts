/**
 * Generates a client with each generator of docs/generators.md, by the commands of that page, compiles it, and runs
 * its program (a folder each beside this file) against a service. Arguments choose some of them by name. Needs npm,
 * Python and, for the clients in those languages, Go and Maven with a JDK; what is missing fails.
 */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boot, stopAll } from '../kit/boot.ts'

const NO_TASK = '01937b8e-7a40-7c1e-9d2a-3f5b8c6d7e80'

/** What each program prints. */
const expected = {
  listed: [['Buy milk', 'high', false]],
  completed: true,
  // The tags were not mentioned in the change, and are kept.
  changed: ['Buy oat milk', null, ['home']],
  rose: 2,
  absent: [404, 'task-not-found'],
  refused: ['/due_date'],
}

interface Generator {
  name: string
  /** Files for the folder, from the folders of these names. */
  files?: string[]
  /** Makes a program of what was generated. */
  compile: string
  /** Runs it; the arguments are address, user, token, and the id of a task that does not exist. */
  run: string
  /** Where the program cannot do the same as the others. */
  except?: Partial<Record<keyof typeof expected, unknown>>
}

const typescript = (name: string): Generator => ({ name, compile: 'npx tsc --project .', run: 'bun main.ts' })

const java = (name: string, files: string[]): Generator => ({
  name,
  files,
  compile: `mvn --quiet --batch-mode --file client -Dmdep.outputFile=$PWD/classpath compile dependency:build-classpath
    javac -d classes -cp client/target/classes:$(cat classpath) *.java`,
  run: 'java -cp classes:client/target/classes:$(cat classpath) Main',
})

const generators: Generator[] = [
  ...['openapi-typescript', 'hey-api', 'orval', 'typescript-fetch'].map(typescript),
  { name: 'python', compile: 'pip install --quiet ./client', run: 'python main.py' },
  { name: 'go', compile: 'go build -o program .', run: './program' },
  { name: 'oapi-codegen', compile: 'go build -o program .', run: './program' },
  java('java-native', ['java', 'java-native']),
  // Its library leaves out what is null.
  { ...java('java', ['java']), except: { changed: ['Buy oat milk', '2026-11-24', ['home']] } },
]

const place = await mkdtemp(join(tmpdir(), 'doable-generators-'))
const env = {
  ...process.env,
  PATH: [join(place, 'node_modules/.bin'), join(place, 'venv/bin'), process.env['PATH']].join(':'),
  CI: 'true',
}

async function shell(cwd: string, script: string, ...args: string[]): Promise<string> {
  const command = ['bash', '-euo', 'pipefail', '-c', args.length > 0 ? `${script} "$@"` : script, 'bash', ...args]
  const child = Bun.spawn(command, { cwd, env, stdin: 'ignore', stderr: 'pipe' })
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${script}\n${output.slice(-8000)}${errors.slice(-8000)}`)
  return output
}

const page = await Bun.file(join(import.meta.dir, '../../docs/generators.md')).text()

/** The versions that are installed here must be those of which the page speaks. */
async function checkVersions(): Promise<void> {
  const { devDependencies } = await Bun.file(join(import.meta.dir, 'package.json')).json()
  const names = ['openapi-typescript', 'openapi-fetch', '@hey-api/openapi-ts', 'orval']
  const requirements = await Bun.file(join(import.meta.dir, 'requirements.txt')).text()
  const [, generator = ''] = /^openapi-generator-cli==(.*)$/m.exec(requirements) ?? []
  for (const version of [...names.map((name) => devDependencies[name]), generator])
    if (!page.includes(` ${version} `) && !page.includes(` ${version},`))
      throw new Error(`docs/generators.md does not speak of version ${version}`)
}

/** The first block of commands below the heading. */
function commandsOf(name: string): string {
  const [, commands] = new RegExp(`^##+ ${name}\n(?:(?!^#).*\n)*?\`\`\`sh\n([^]*?)\`\`\``, 'm').exec(page) ?? []
  if (commands === undefined) throw new Error(`docs/generators.md has no commands for ${name}`)
  return commands
}

/**
 * The service's document, but without one field of answers. So each client meets a field that it does not know, as
 * those do that were generated before a field was added.
 */
async function olderDocument(url: string): Promise<string> {
  const document = await (await fetch(`${url}/swagger/json`)).json()
  const { Task } = document.components.schemas
  delete Task.properties.updated_at
  Task.required = Task.required.filter((name: string) => name !== 'updated_at')
  return JSON.stringify(document, null, 2)
}

async function tryOut(
  { name, files = [name], compile, run, except = {} }: Generator,
  document: string,
  args: string[],
) {
  const cwd = join(place, name)
  await mkdir(cwd)
  for (const folder of files) await cp(join(import.meta.dir, folder), cwd, { recursive: true })
  await Bun.write(join(cwd, 'openapi.json'), document)
  await shell(cwd, commandsOf(name))
  await shell(cwd, compile)
  const seen: unknown = JSON.parse(await shell(cwd, run, ...args))
  const wanted = { ...expected, ...except }
  if (!Bun.deepEquals(seen, wanted))
    throw new Error(`its program saw ${JSON.stringify(seen)}\ninstead of ${JSON.stringify(wanted)}`)
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !generators.some((generator) => generator.name === name))
if (unknown.length > 0) throw new Error(`no generator is called ${unknown.join(' or ')}`)
const chosen = generators.filter(({ name }) => asked.length === 0 || asked.includes(name))

await checkVersions()
let passed = 0
try {
  for (const file of ['package.json', 'bun.lock', 'requirements.txt', 'typescript.json'])
    await cp(join(import.meta.dir, file), join(place, file))
  await shell(place, `'${process.execPath}' install --silent --frozen-lockfile`)
  await shell(place, 'python3 -m venv venv && venv/bin/pip install --quiet --requirement requirements.txt')
  const service = await boot('embedded', { ACCOUNTS: 'on' })
  const document = await olderDocument(service.url)
  for (const generator of chosen) {
    const started = performance.now()
    const user = `${generator.name}@example.com`
    const args = [service.url, user, await service.tokens.sign(user, 3600), NO_TASK]
    const fault = await tryOut(generator, document, args).catch((error: unknown) => error)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    if (fault === undefined) passed++
    process.stdout.write(`${fault === undefined ? 'ok' : 'FAILED'} ${generator.name} (${seconds} s)\n`)
    if (fault !== undefined) process.stdout.write(`${fault}\n`)
  }
} finally {
  await stopAll()
  await rm(place, { recursive: true, force: true })
}
process.stdout.write(`${passed} pass\n${chosen.length - passed} fail\n`)
process.exit(passed === chosen.length ? 0 : 1)
