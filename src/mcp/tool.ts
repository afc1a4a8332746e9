import { type Static, type TObject, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Scope } from '../auth/scope.ts'
import { checked } from '../http/validation.ts'
import { Problem } from '../problem.ts'
import { inputSchema, type JsonSchema } from './schema.ts'
import type { ToolResult } from './view.ts'

interface ToolOptions<Input extends TObject> {
  name: string
  title: string
  /** For a model: when to use it, and what to know before. */
  description: string
  /** What it asks of a token that is limited. `tasks:read` is for what changes nothing. */
  scope: Scope
  /** Whether it can overwrite or take away what nobody brings back by the same tools. Meaningless for reading. */
  isDestructive: boolean
  /** Whether a repeat with the same arguments leaves everything as the first call did. */
  isIdempotent: boolean
  input: Input
  output: JsonSchema
  /** @param given the arguments, without `user_id`. */
  run(user: string, given: Static<Input>): Promise<ToolResult>
}

/** A tool, whatever its arguments are. */
export interface Tool {
  name: string
  scope: Scope
  /** What `tools/list` says of it. */
  definition: Record<string, unknown> & { name: string; inputSchema: JsonSchema & { type: 'object' } }
  /**
   * Checks the arguments and runs the tool for the token's user.
   *
   * @throws Problem `wrong-user`, `validation-failed`, and what the tool itself throws.
   */
  call(user: string, given: Record<string, unknown>): Promise<ToolResult>
}

const UserId = Type.Optional(
  Type.String({
    description: 'Leave it out: the user is the one of the token, and no other can be named.',
    error: 'must be text',
  }),
)

export function defineTool<Input extends TObject>(options: ToolOptions<Input>): Tool {
  const { name, title, description, scope, isDestructive, isIdempotent, output, run } = options
  const input = Type.Object(
    { user_id: UserId, ...options.input.properties },
    { additionalProperties: false, error: 'must be an object' },
  )
  const check = TypeCompiler.Compile(input)
  const readOnlyHint = scope === 'tasks:read'
  return {
    name,
    scope,
    definition: {
      name,
      title,
      description,
      inputSchema: { ...inputSchema(input), type: 'object' },
      outputSchema: output,
      annotations: {
        title,
        readOnlyHint,
        destructiveHint: isDestructive,
        idempotentHint: isIdempotent,
        openWorldHint: false,
      },
    },
    async call(user, { user_id, ...given }) {
      if (typeof user_id === 'string' && user_id !== user)
        throw new Problem('wrong-user', 'The user_id is not the user of the token. Please leave user_id out.')
      checked(check, user_id === undefined ? given : { user_id, ...given })
      // Just checked; the compiler cannot take `user_id` off a type that it does not know.
      return run(user, given as Static<Input>)
    },
  }
}
