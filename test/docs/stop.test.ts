import { expect, test } from 'bun:test'
import { YAML } from 'bun'
import { readProjectFile } from './page.ts'

test('the unit, compose.yaml and the manifests all wait as long for a stop as the page says', async () => {
  const said = Number(/give it (\d+)\s+seconds\./.exec(await readProjectFile('docs/deploy.md'))?.[1])
  const unit = await readProjectFile('deploy/doable.service')
  const { services } = YAML.parse(await readProjectFile('compose.yaml')) as {
    services: { doable: { stop_grace_period: string } }
  }
  const deployment = YAML.parse(await readProjectFile('deploy/kubernetes/deployment.yaml')) as {
    spec: { template: { spec: { terminationGracePeriodSeconds: number } } }
  }
  expect(said).toBeGreaterThan(20)
  expect([
    /^TimeoutStopSec=(\d+)s$/m.exec(unit)?.[1],
    /^(\d+)s$/.exec(services.doable.stop_grace_period)?.[1],
    String(deployment.spec.template.spec.terminationGracePeriodSeconds),
  ]).toEqual([`${said}`, `${said}`, `${said}`])
})
