import { expect, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { YAML } from 'bun'
import openapi from '../../openapi.json'
import { version } from '../../package.json'
import { readProjectFile } from './page.ts'

const folder = 'deploy/kubernetes'
const read = async <T>(name: string) => YAML.parse(await readProjectFile(`${folder}/${name}`)) as T

interface Probe {
  httpGet: { path: string; port: string }
}
interface Container {
  image: string
  args?: string[]
  env?: { name: string; value?: string; valueFrom?: object }[]
  envFrom?: object[]
  ports?: { name: string; containerPort: number }[]
  securityContext: object
  resources: { requests: object; limits: { memory: string } }
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
}
interface Pod {
  metadata: { labels: Record<string, string> }
  spec: { containers: [Container]; securityContext: object }
}
interface Workload {
  kind: string
  spec: { template: Pod; selector: { matchLabels: Record<string, string> } }
}

const deployment = await read<Workload>('deployment.yaml')
const migrate = await read<Workload>('migrate.yaml')
const [container] = deployment.spec.template.spec.containers

test('the base lists every manifest of its folder, and an image of this version', async () => {
  const base = await read<{ resources: string[]; images: { name: string; newTag: string }[] }>('kustomization.yaml')
  const there = (await readdir(join(import.meta.dir, '../..', folder))).filter((name) => name !== 'kustomization.yaml')
  expect(base.resources.toSorted()).toEqual(there.sort())
  expect(base.images).toMatchObject([{ name: container.image, newTag: version }])
})

test.each([deployment, migrate])(
  "the pods of $kind run as the image's user, on a read-only root, with no powers",
  async ({ spec }) => {
    const uid = Number(/^USER (\d+)/m.exec(await readProjectFile('Dockerfile'))?.[1])
    expect(spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: uid, runAsGroup: uid })
    const [{ securityContext, resources }] = spec.template.spec.containers
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(resources).toMatchObject({ requests: { cpu: expect.any(String) }, limits: { memory: expect.any(String) } })
  },
)

test('its probes ask addresses that there are, on the port that the image listens on', async () => {
  const port = Number(/PORT=(\d+)/.exec(await readProjectFile('Dockerfile'))?.[1])
  expect(container.ports).toContainEqual({ name: 'http', containerPort: port })
  const asked = { startupProbe: '/health', livenessProbe: '/health', readinessProbe: '/health/ready' } as const
  for (const [probe, path] of Object.entries(asked) as [keyof typeof asked, string][]) {
    expect(container[probe].httpGet).toEqual({ path, port: 'http' })
    expect(Object.keys(openapi.paths)).toContain(path)
  }
})

test('the Service and the budget go by the labels of the pods that serve, and not of those that migrate', async () => {
  const served = (await read<{ spec: { selector: Record<string, string> } }>('service.yaml')).spec.selector
  const budget = (await read<Workload>('pod-disruption-budget.yaml')).spec.selector.matchLabels
  const { labels } = deployment.spec.template.metadata
  expect([served, budget, deployment.spec.selector.matchLabels]).toEqual([labels, labels, labels])
  expect(migrate.spec.template.metadata.labels).not.toMatchObject(served)
})

test('secrets are named and not written: the owner of the tables is known to the migration alone', () => {
  expect(container.envFrom).toEqual([{ configMapRef: { name: 'doable-settings' } }, { secretRef: { name: 'doable' } }])
  expect(container.env?.filter(({ value }) => value === undefined)).toEqual([])
  expect(migrate.spec.template.spec.containers[0]).toMatchObject({
    args: ['migrate'],
    env: [{ name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: 'doable-owner', key: 'DATABASE_URL' } } }],
  })
})
