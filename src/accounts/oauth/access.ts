import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { type Gate, userPlugin } from '../../auth/user.ts'
import { answers } from '../../http/answer.ts'
import { documented } from '../../http/openapi/documented.ts'
import { everywhere } from '../../http/problems.ts'
import { queryOf } from '../../http/query.ts'
import { Problem } from '../../problem.ts'
import type { Consents } from './consents.ts'

const UserPath = Type.Object({
  user_id: Type.String({ description: "The token's user.", examples: ['kX2mPqR7sT9vW1yZ3aB5cD7eF9gH1jK3'] }),
})

const clientId = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'The program, as the list has it.',
  examples: ['mVbXcQwErTyUiOpAsDfGhJkLzXcVbNmQ'],
  error: 'must be the client_id of a program that has access',
})

const Program = Type.Object(
  {
    client_id: clientId,
    name: Type.String({ description: 'What the program calls itself: proves nothing.', examples: ['Helper'] }),
    hosts: Type.Array(Type.String({ examples: ['127.0.0.1:33418'] }), {
      description: 'Where it is told of the access.',
    }),
    scopes: Type.Array(Type.String({ examples: ['tasks:read'] })),
    created_at: Type.String({ format: 'date-time', examples: ['2026-11-20T22:02:42.578Z'] }),
  },
  { $id: 'Program', additionalProperties: false, description: 'A program that has access to the tasks' },
)

/**
 * What has access to a user's tasks, for front ends: the same as the page `/account/access`.
 *
 * @param ended is told whose tokens are to be checked again.
 */
export function accessRoutes(gate: Gate, consents: Consents, ended: (user: string) => void) {
  return new Elysia({ prefix: '/api/:user_id/access', tags: ['access'] })
    .use(userPlugin(gate))
    .get('', ({ user }) => consents.list(user.id), {
      ...queryOf(Type.Object({})),
      params: UserPath,
      response: answers(
        { 200: Type.Array(Program, { description: 'The programs that have access, the newest first' }) },
        ...everywhere,
      ),
      detail: documented({
        operationId: 'listAccess',
        summary: 'List what has access',
        description:
          'The programs that the user has let in by OAuth; 100 at most. No token that is limited by a scope may ask.',
      }),
    })
    .delete(
      '',
      async ({ user, query, set }) => {
        const had = await consents.revoke(user.id, query.client_id)
        ended(user.id)
        if (!had) throw new Problem('access-not-found', 'No such program has access.')
        set.status = 204
      },
      {
        ...queryOf(Type.Object({ client_id: clientId })),
        params: UserPath,
        response: answers(
          { 204: Type.Void({ description: 'The program has no access any more' }) },
          ...everywhere,
          'access-not-found',
        ),
        detail: documented({
          operationId: 'revokeAccess',
          summary: 'Take access away',
          description:
            "The program's tokens end at once in this process, within a minute in others. No token that is limited by a scope may do it.",
        }),
      },
    )
}
