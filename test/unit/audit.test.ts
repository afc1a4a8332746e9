import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { runProgram } from '../kit/program.ts'

const script = join(import.meta.dir, '../../scripts/audit.ts')
const advisory = { id: 1, url: 'https://example.org/GHSA-1', title: 'Reads too much', vulnerable_versions: '<99' }

/** Runs the audit against a registry that answers so. */
async function audit(answer: () => Response, env: Record<string, string> = {}) {
  const registry = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
  try {
    const { code, stdout, stderr } = await runProgram([script], {
      command: [process.execPath],
      cwd: join(import.meta.dir, '../..'),
      env: { PATH: process.env['PATH'] ?? '', BUN_CONFIG_REGISTRY: registry.url.href, ...env },
    })
    return { code, said: stdout + stderr }
  } finally {
    await registry.stop(true)
  }
}

const none = () => Response.json({})
const refused = () => new Response('no', { status: 405 })
const of = (severity: string) => () => Response.json({ postgres: [{ ...advisory, severity }] })

const cases: [name: string, answer: () => Response, env: Record<string, string>, code: number, said: string][] = [
  ['no advisory passes', none, {}, 0, 'no advisory'],
  ['one of severity high fails, and is named', of('high'), {}, 1, 'postgres: high: Reads too much'],
  ['a critical one fails', of('critical'), {}, 1, 'postgres: critical'],
  ['a moderate one passes', of('moderate'), {}, 0, 'no advisory'],
  ['a registry without advisories is said aloud', refused, {}, 0, 'NOT DONE'],
  ['and fails where that is asked for', refused, { AUDIT: 'strict' }, 1, 'NOT DONE'],
]
test.each(cases)('the audit of dependencies: %s', async (_, answer, env, code, said) => {
  const result = await audit(answer, env)
  expect(result.said).toContain(said)
  expect(result.code).toBe(code)
})
