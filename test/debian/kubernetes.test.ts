import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { YAML } from 'bun'
import { readProjectFile } from '../docs/page.ts'
import { run } from './programs.ts'

setDefaultTimeout(180_000)

const manifests = 'deploy/kubernetes'
let folder: string
let validator: string

/** The schemas of this Kubernetes, with a program that says what is not in them. */
const KUBERNETES_VALIDATE = 'kubernetes-validate==1.37.0'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doable-kubernetes-'))
  validator = process.env['KUBERNETES_VALIDATE'] ?? join(folder, 'bin/kubernetes-validate')
  if (process.env['KUBERNETES_VALIDATE'] !== undefined) return
  expect(await run(['python3', '-m', 'venv', folder])).toMatchObject({ code: 0 })
  const install = ['install', '--quiet', '--disable-pip-version-check', KUBERNETES_VALIDATE]
  const environment = process.env as Record<string, string>
  expect(await run([join(folder, 'bin/pip'), ...install], environment)).toMatchObject({ code: 0 })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test("every manifest is valid by Kubernetes' own schemas, and a misspelt field is found", async () => {
  const { resources } = YAML.parse(await readProjectFile(`${manifests}/kustomization.yaml`)) as { resources: string[] }
  expect(resources.length).toBeGreaterThan(3)
  const project = join(import.meta.dir, '../..')
  for (const version of ['1.30.0', '1.37.0'])
    expect(
      await run(
        [validator, '--strict', '--quiet', '--kubernetes-version', version, ...resources],
        {},
        join(project, manifests),
      ),
    ).toEqual({ code: 0, out: '', err: '' })

  const wrong = join(folder, 'wrong.yaml')
  const deployment = await readProjectFile(`${manifests}/deployment.yaml`)
  await writeFile(wrong, deployment.replace('readOnlyRootFilesystem', 'readonlyRootFilesystem'))
  const refused = await run([validator, '--strict', '--quiet', wrong])
  expect(refused.code).not.toBe(0)
  expect(refused.out + refused.err).toContain('readonlyRootFilesystem')
})
