/**
 * The plain service on SQLite, inside one process as PocketBase is: bun:sqlite in a bare `Bun.serve`, tokens checked by
 * jose. SQLite's settings are PocketBase's: a log beside the file (WAL), and no wait for the disk at each commit (NORMAL).
 */
import { Database } from 'bun:sqlite'
import { errors, jwtVerify } from 'jose'

const raw = new TextEncoder().encode(process.env['JWT_SECRET'])
// Read once: jose would make a key of the bytes for every token.
const secret = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
const db = new Database(process.env['DATABASE_FILE'] ?? ':memory:', { strict: true })
for (const setting of ['journal_mode = wal', 'synchronous = normal']) db.run(`pragma ${setting}`)

interface Row {
  id: string
  user_id: string
  title: string
  description: string | null
  completed: number
  created_at: string
  updated_at: string
}

interface Fields {
  title?: string
  description?: string | null
  completed?: boolean
}

const whole = 'returning id, user_id, title, description, completed, created_at, updated_at'
const now = `strftime('%Y-%m-%dT%H:%M:%fZ')`
const select = db.query<Row, [string, string]>('select * from tasks where id = ? and user_id = ?')
const page = db.query<Row, [string, number]>('select * from tasks where user_id = ? order by created_at desc limit ?')
const insert = db.query<Row, [string, string, string, string | null, boolean]>(
  `insert into tasks values (?, ?, ?, ?, ?, ${now}, ${now}) ${whole}`,
)
const update = db.query<Row, [string | null, string | null, boolean | null, string, string]>(
  `update tasks set title = coalesce(?, title), description = coalesce(?, description),
   completed = coalesce(?, completed), updated_at = ${now} where id = ? and user_id = ? ${whole}`,
)
const complete = db.query<Row, [string, string]>(
  `update tasks set completed = not completed, updated_at = ${now} where id = ? and user_id = ? ${whole}`,
)
const remove = db.query<unknown, [string, string]>('delete from tasks where id = ? and user_id = ?')

const taskOf = (row: Row) => ({ ...row, completed: row.completed === 1 })
const fail = (status: number) => Response.json({ detail: String(status) }, { status })
const one = (row: Row | null, status = 200) => (row ? Response.json(taskOf(row), { status }) : fail(404))

async function fieldsOf(request: Request): Promise<Fields | undefined> {
  const body: unknown = await request.json().catch(() => undefined)
  if (typeof body !== 'object' || body === null) return undefined
  // The title's length is checked below; SQLite takes no other value than the rest may have.
  const fields = body as Fields
  const { title } = fields
  return title === undefined || (typeof title === 'string' && title.length >= 1 && title.length <= 200)
    ? fields
    : undefined
}

type Answer = (request: Request, user: string, id: string) => Response | Promise<Response>

/** Answers only who has a token of the user in the path. */
function own(answer: Answer) {
  return async (request: Request & { params: { user_id: string; id?: string } }): Promise<Response> => {
    const token = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
    const { user_id, id = '' } = request.params
    try {
      const { payload } = await jwtVerify(token, secret, { algorithms: ['HS256'], requiredClaims: ['exp'] })
      if (payload.sub !== user_id) return fail(403)
    } catch (error) {
      if (error instanceof errors.JOSEError) return fail(401)
      throw error
    }
    return answer(request, user_id, id)
  }
}

Bun.serve({
  port: Number(process.env['PORT']),
  hostname: '127.0.0.1',
  routes: {
    '/api/:user_id/tasks': {
      GET: own(({ url }, user) => {
        const limit = Number(new URL(url).searchParams.get('limit') ?? 50)
        return limit >= 1 && limit <= 1000 ? Response.json(page.all(user, limit).map(taskOf)) : fail(422)
      }),
      POST: own(async (request, user) => {
        const { title, description = null, completed = false } = (await fieldsOf(request)) ?? {}
        if (title === undefined) return fail(422)
        return one(insert.get(Bun.randomUUIDv7(), user, title, description, completed), 201)
      }),
    },
    '/api/:user_id/tasks/:id': {
      GET: own((_, user, id) => one(select.get(id, user))),
      PUT: own(async (request, user, id) => {
        const fields = await fieldsOf(request)
        if (!fields) return fail(422)
        return one(update.get(fields.title ?? null, fields.description ?? null, fields.completed ?? null, id, user))
      }),
      DELETE: own((_, user, id) =>
        remove.run(id, user).changes === 0 ? fail(404) : new Response(null, { status: 204 }),
      ),
    },
    '/api/:user_id/tasks/:id/complete': { PATCH: own((_, user, id) => one(complete.get(id, user))) },
  },
  fetch: () => fail(404),
})
