import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { version } from '../../package.json'
import { Problem } from '../problem.ts'
import { answers } from './answer.ts'

const Health = Type.Object(
  { status: Type.Literal('ok'), version: Type.String({ examples: [version] }) },
  { $id: 'Health', description: 'The process is alive' },
)
const Ready = Type.Object(
  { status: Type.Literal('ready') },
  { $id: 'Readiness', description: 'The service can answer' },
)

/** @param isReady resolves whether the service can answer; rejects when the database is away. */
export function healthRoutes(isReady: () => Promise<boolean>) {
  return new Elysia({ name: 'health', tags: ['health'] })
    .get('/health', () => ({ status: 'ok' as const, version }), {
      response: answers({ 200: Health }, 'validation-failed'),
      detail: {
        operationId: 'getHealth',
        summary: 'Is the process alive?',
        description: 'Answers without a token and without the database.',
        security: [],
      },
    })
    .get(
      '/health/ready',
      async () => {
        if (!(await isReady()))
          throw new Problem('not-ready', 'The service is starting, stopping, or waiting for its database.', {
            headers: { 'retry-after': '1' },
          })
        return { status: 'ready' as const }
      },
      {
        response: answers({ 200: Ready }, 'validation-failed', 'not-ready', 'database-unavailable'),
        detail: {
          operationId: 'getReadiness',
          summary: 'Can the service answer?',
          description: '503 while the database is away, its migrations are missing, or the process is stopping.',
          security: [],
        },
      },
    )
}
