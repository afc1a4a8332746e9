import { expect, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { dirname, join, normalize, relative } from 'node:path'

const root = join(import.meta.dir, '../..')

/**
 * What each room may import beside its own folder and `problem.ts`; the first row that fits a
 * file is its own. Types may come from anywhere: they are gone before this looks.
 */
const model = 'src/{tasks,lists}/{fields,model,query}.ts'
const registry = 'src/resources.ts'
const arrows: [room: string, mayImport: string[]][] = [
  ['src/main.ts', ['src/commands/run.ts']],
  [
    'src/commands/*.ts',
    [
      'src/{config,describe,log,serve}.ts',
      'src/service/{control,housekeeping,prepare}.ts',
      'src/accounts/password.ts',
      'src/workers/*.ts',
      'src/http/admin.ts',
      'src/auth/scope.ts',
      'src/db/{errors,open}.ts',
      'src/resource/history.ts',
      'package.json',
    ],
  ],
  ['src/workers/*.ts', ['src/http/metrics.ts']],
  ['src/describe.ts', ['src/{app,log}.ts', 'src/auth/token.ts', 'src/sync/feed.ts']],
  [
    'src/serve.ts',
    [
      'src/{app,config}.ts',
      'src/service/*.ts',
      'src/{accounts,auth,db}/**',
      'src/http/admin.ts',
      'src/sync/feed.ts',
      'src/tasks/remind.ts',
      'package.json',
    ],
  ],
  ['src/service/observers.ts', ['src/http/{metrics,tracing}.ts']],
  ['src/service/prepare.ts', ['src/db/*.ts', 'src/transfer/journal.ts']],
  ['src/app.ts', ['src/{accounts,auth,db,http,lists,mcp,resource,sync,tasks,transfer,web}/**']],
  [
    'src/service/housekeeping.ts',
    ['src/accounts/sessions.ts', 'src/{tasks,lists}/purge.ts', 'src/http/kept-answers.ts'],
  ],
  // A second way in to the same functions: beside the routes, so above the stores.
  ['src/mcp/*.ts', ['src/{resource,http,db,tasks,lists}/**', 'src/auth/{scope,user}.ts', 'package.json']],
  ['src/config.ts', ['src/settings/*.ts']],
  ['src/settings/*.ts', ['src/auth/secret.ts']],
  ['src/service/*.ts', []],
  ['src/log.ts', ['src/line-output.ts', 'package.json']],
  ['src/{problem,line-output}.ts', []],
  ['src/client/*.ts', []],
  [registry, ['src/resource/change.ts', 'src/{tasks,lists}/fields.ts']],
  ['src/recurrence/*.ts', []],
  ['src/tasks/fields.ts', ['src/{recurrence,resource,db}/**']],
  ['src/tasks/*.ts', ['src/{recurrence,resource,http,db}/**', 'src/auth/user.ts', registry]],
  ['src/lists/fields.ts', ['src/{resource,db}/**']],
  // What goes to the trash with a list: statements on tasks that both rooms need.
  ['src/lists/*.ts', ['src/{resource,http,db}/**', 'src/auth/user.ts', registry, model, 'src/tasks/along.ts']],
  // What makes references sound is needed by imports, too.
  ['src/transfer/lists.ts', ['src/{resource,db}/**', model, 'src/tasks/along.ts']],
  ['src/{sync,transfer}/*.ts', ['src/{resource,http,db}/**', 'src/auth/user.ts', registry, model]],
  ['src/accounts/pages/layout.ts', []],
  ['src/accounts/**', ['src/accounts/**', 'src/{auth,http,db}/**']],
  ['src/web/*.ts', ['web/build.ts']],
  ['src/auth/*.ts', []],
  ['src/resource/*.ts', ['src/db/**']],
  ['src/http/{health,admin,root}.ts', ['package.json', 'src/db/**']],
  ['src/http/openapi/*.ts', ['package.json', 'node_modules/@scalar/**', 'src/http/problems.ts']],
  ['src/http/**', ['src/db/**']],
  ['src/db/migrate.ts', ['drizzle/**']],
  ['src/db/pglite/*.ts', ['node_modules/@electric-sql/**', 'src/db/**']],
  ['src/db/{,postgres/}*.ts', ['src/db/**']],
]

/** Packages that one room keeps to itself, so that replacing one touches one place. */
const keepers: [packages: string, rooms: string][] = [
  ['@elysiajs/swagger', 'src/http/openapi/routes.ts'],
  ['@elysiajs/cors', 'src/http/request.ts'],
  ['{@elysiajs/jwt,jose,lru-cache}', 'src/{auth,accounts}/**'],
  ['{postgres,@electric-sql/**}', 'src/db/**'],
  // `describe` takes Drizzle's mock, to print the document without a database.
  ['drizzle-orm{,/**}', 'src/{describe.ts,{db,resource,accounts,http,tasks,lists,sync,transfer}/**}'],
  ['better-auth{,/**}', 'src/accounts/engine.ts'],
  ['nodemailer', 'src/accounts/mail/transport.ts'],
  ['@better-auth/oauth-provider', 'src/accounts/oauth/engine.ts'],
  ['eventsource-parser', 'src/client/*.ts'],
  ['pino', 'src/log.ts'],
  ['prom-client', 'src/{http/metrics,workers/totals}.ts'],
  ['@opentelemetry/**', 'src/http/tracing.ts'],
  ['rate-limiter-flexible', 'src/http/limits.ts'],
  ['ipaddr.js', 'src/{config,http/limits}.ts'],
  ['elysia', 'src/{app.ts,{accounts,auth,http,mcp,tasks,lists,sync,transfer,web}/**}'],
  ['@modelcontextprotocol/**', 'src/mcp/server.ts'],
  ['{csv-parse,csv-stringify,jsonc-parser}{,/**}', 'src/transfer/*.ts'],
]

const fits = (pattern: string, path: string) => new Bun.Glob(pattern).match(path)

interface Import {
  from: string
  /** A path below the root for what is ours, or the package's specifier. */
  to: string
  ours: boolean
}

async function readImports(): Promise<Import[]> {
  const transpiler = new Bun.Transpiler({ loader: 'ts' })
  const names = await readdir(join(root, 'src'), { recursive: true })
  const found: Import[] = []
  for (const name of names.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))) {
    const from = normalize(join('src', name))
    for (const { path } of transpiler.scanImports(await Bun.file(join(root, from)).text())) {
      const ours = path.startsWith('.')
      found.push({ from, to: ours ? relative(root, join(root, dirname(from), path)) : path, ours })
    }
  }
  return found
}

const imports = await readImports()
const ours = imports.filter((found) => found.ours)

function mayImport({ from, to }: Import): boolean {
  if (to === 'src/problem.ts') return true
  // The files right below src/ are rooms of their own, not one folder.
  if (dirname(from) === dirname(to) && dirname(from) !== 'src') return true
  const row = arrows.find(([room]) => fits(room, from))
  return row?.[1].some((pattern) => fits(pattern, to)) ?? false
}

test('rooms import along the arrows only', () => {
  expect(ours.length).toBeGreaterThan(30)
  const wrong = ours.filter((found) => !mayImport(found)).map(({ from, to }) => `${from} → ${to}`)
  expect(wrong).toEqual([])
})

test('the arrows would refuse a wrong import', () => {
  const wrong: [from: string, to: string][] = [
    ['src/db/open.ts', 'src/config.ts'],
    ['src/tasks/routes.ts', 'src/sync/feed.ts'],
    ['src/sync/changes.ts', 'src/tasks/store.ts'],
    ['src/http/query.ts', 'src/tasks/query.ts'],
    ['src/db/open.ts', 'src/http/problems.ts'],
    ['src/http/problems.ts', 'src/log.ts'],
    ['src/http/body.ts', 'src/tasks/model.ts'],
    ['src/problem.ts', 'src/log.ts'],
    ['src/app.ts', 'src/config.ts'],
    ['src/somewhere/new.ts', 'src/tasks/store.ts'],
  ]
  for (const [from, to] of wrong) expect(`${from} → ${to}: ${mayImport({ from, to, ours: true })}`).toEndWith('false')
})

test('packages with a keeper are imported by their keeper alone', () => {
  for (const [packages, rooms] of keepers) {
    const importers = imports.filter(({ to }) => fits(packages, to)).map(({ from }) => from)
    expect(importers).not.toBeEmpty()
    expect(importers.filter((from) => !fits(rooms, from))).toEqual([])
  }
})

/** All imports of ours, those of types included, which the transpiler drops. */
async function readAllImports(): Promise<Import[]> {
  const found: Import[] = []
  for (const name of await readdir(join(root, 'src'), { recursive: true })) {
    if (!name.endsWith('.ts')) continue
    const from = normalize(join('src', name))
    const text = await Bun.file(join(root, from)).text()
    for (const [, path = ''] of text.matchAll(/\b(?:from|import)\s*\(?'(\.[^']+)'/g))
      found.push({ from, to: relative(root, join(root, dirname(from), path)), ours: true })
  }
  return found
}

test('no module imports itself by a detour, not even for a type', async () => {
  const all = await readAllImports()
  const seen = new Set(all.map(({ from, to }) => `${from} ${to}`))
  expect(ours.filter(({ from, to }) => !seen.has(`${from} ${to}`))).toEqual([])
  const targets = Map.groupBy(all, ({ from }) => from)
  const reaches = (at: string, goal: string, seen: Set<string>): boolean =>
    (targets.get(at) ?? []).some(({ to }) => {
      if (to === goal) return true
      if (seen.has(to)) return false
      seen.add(to)
      return reaches(to, goal, seen)
    })
  expect([...targets.keys()].filter((file) => reaches(file, file, new Set()))).toEqual([])
})

test('main alone reads the command line and the environment, and alone ends the process', async () => {
  const files = new Set(imports.map(({ from }) => from))
  for (const file of files) {
    if (file === 'src/main.ts') continue
    const text = await Bun.file(join(root, file)).text()
    expect(`${file}: ${/\b(process\.(env|argv|exit|on|once)|Bun\.(env|argv))\b/.exec(text)?.[0]}`).toEndWith(
      'undefined',
    )
  }
})
