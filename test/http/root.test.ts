import { describe, expect, test } from 'bun:test'
import { version } from '../../package.json'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'

describe.each(databases)('/ over %s', (kind) => {
  // Without accounts: nothing else may stand there.
  const service = useService(kind, { ACCOUNTS: 'off' })
  const get = (headers: Record<string, string> = {}, method = 'GET') =>
    service().request(undefined, method, '/', undefined, headers)

  test('leads browsers to the page, by an address that holds below any prefix', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await get({ accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }, method)
      expect([answer.status, answer.headers.get('location')]).toEqual([302, 'swagger'])
      expect(answer.headers.get('vary')).toContain('Accept')
    }
  })

  test('tells programs where things are', async () => {
    for (const accept of ['*/*', 'application/json']) {
      const answer = await get({ accept })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('vary')).toContain('Accept')
      const said = (await answer.json()) as Record<string, string>
      expect(said).toMatchObject({ service: 'doable', version })
      for (const name of ['page', 'document', 'health'])
        expect((await service().request(undefined, 'GET', `/${said[name]}`)).status).toBe(200)
    }
  })

  test('takes no other method', async () => {
    await expectProblem(await get({}, 'POST'), 405, 'method-not-allowed')
  })
})
