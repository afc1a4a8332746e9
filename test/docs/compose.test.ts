import { expect, test } from 'bun:test'
import { YAML } from 'bun'
import { readConfig } from '../../src/config.ts'
import { readProjectFile } from './page.ts'

interface Service {
  image: string
  command?: string[]
  depends_on?: Record<string, { condition: string }>
  environment: Record<string, string>
  ports?: string[]
  stop_grace_period?: string
}
type Name = 'database' | 'migrate' | 'role' | 'doable'

const { services } = YAML.parse(await readProjectFile('compose.yaml')) as { services: Record<Name, Service> }

/** The services as Compose has them once it has put in what `.env` says: `${NAME}`, `${NAME:-default}`, `${NAME:?text}`. */
function read(env: Record<string, string>): Record<Name, Service> {
  const missing = new Set<string>()
  const fill = (text: string) =>
    text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, rest = '') => {
      const value = env[name] ?? ''
      if (value === '' && kind === '?') missing.add(name)
      return value === '' && kind === '-' ? rest : value
    })
  const filled = JSON.parse(JSON.stringify(services), (_, value: unknown) =>
    typeof value === 'string' ? fill(value) : value,
  )
  if (missing.size > 0) throw new Error(`not set: ${[...missing].sort()}`)
  return filled
}

const secrets = {
  BETTER_AUTH_SECRET: 'k3Vq8ZtPw1Xy6Rb0Nf4Hs9Ld2Mj7Gc5Ta',
  POSTGRES_PASSWORD: 'aa11',
  SERVICE_PASSWORD: 'bb22',
}

/** Those that `compose.yaml` decides itself. */
const FIXED = ['PORT', 'HOST', 'DATABASE_URL', 'DATA_DIR']

test('every setting of .env.example that is put into .env reaches Doable, and those left out are its defaults', async () => {
  const names = [...(await readProjectFile('.env.example')).matchAll(/^# ([A-Z_]+)=/gm)].map(([, name = '']) => name)
  const passed = [...new Set(names)].filter((name) => !FIXED.includes(name))
  expect(passed.length).toBeGreaterThan(20)
  const given = Object.fromEntries(passed.map((name) => [name, `of-${name.toLowerCase()}`]))
  expect(read({ ...secrets, ...given }).doable.environment).toMatchObject(given)

  const { DATABASE_URL, ...unset } = read(secrets).doable.environment
  const { BETTER_AUTH_SECRET } = secrets
  expect(readConfig({ DATABASE_URL, ...unset })).toEqual(readConfig({ DATABASE_URL, BETTER_AUTH_SECRET }))
})

test('it does not start without the three secrets', () => {
  expect(() => read({})).toThrow('not set: BETTER_AUTH_SECRET,POSTGRES_PASSWORD,SERVICE_PASSWORD')
})

test('Doable serves as another role than the owner, whose password it is never given', () => {
  const { database, migrate, role, doable } = read(secrets)
  expect(database.environment['POSTGRES_USER']).toBe('doable')
  expect(migrate.environment).toEqual({ DATABASE_URL: 'postgres://doable:aa11@database:5432/doable' })
  expect(role.environment).toMatchObject({ PGUSER: 'doable', PGPASSWORD: 'aa11', SERVICE_PASSWORD: 'bb22' })
  expect(doable.environment['DATABASE_URL']).toBe('postgres://doable_service:bb22@database:5432/doable')
  expect(JSON.stringify(doable)).not.toContain('aa11')
})

test('the database answers first, then come the migrations, then the role, then Doable', () => {
  const { migrate, role, doable } = read(secrets)
  expect(migrate).toMatchObject({ command: ['migrate'], depends_on: { database: { condition: 'service_healthy' } } })
  expect(role.depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } })
  // `up --wait` takes the end of a container for a failure, unless one that stays depends on it.
  expect(doable.depends_on).toMatchObject({
    migrate: { condition: 'service_completed_successfully' },
    role: { condition: 'service_completed_successfully' },
  })
})

test('only Doable can be reached from outside, on the loopback address unless told otherwise', () => {
  const { doable, ...others } = read(secrets)
  expect(doable.ports).toEqual(['127.0.0.1:8000:8000'])
  expect(read({ ...secrets, DOABLE_ADDRESS: '0.0.0.0:80' }).doable.ports).toEqual(['0.0.0.0:80:8000'])
  expect(Object.values(others).map(({ ports }) => ports)).toEqual([undefined, undefined, undefined])
})
