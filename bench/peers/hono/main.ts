/** The peer on Hono, Drizzle and postgres.js, written as their documentation shows. */

import { and, asc, desc, eq, gt, isNull, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { jwt } from 'hono/jwt'
import { validator } from 'hono/validator'
import { tasks, users } from './schema.ts'

const db = drizzle(process.env['DATABASE_URL'] ?? '')
const app = new Hono<{ Variables: { jwtPayload: { sub: string } } }>()

app.use('/api/*', jwt({ secret: process.env['JWT_SECRET'] ?? '', alg: 'HS256' }))
app.use('/api/:user_id/*', async (c, next) => {
  if (c.get('jwtPayload').sub !== c.req.param('user_id')) throw new HTTPException(403, { message: 'Forbidden' })
  await next()
})

const ofUser = (user: string) => and(eq(tasks.user_id, user), isNull(tasks.deleted_at))
const theTask = (user: string, id: string) => and(ofUser(user), eq(tasks.id, id))

const newTask = validator('json', (body) => readFields(body, true))
const changes = validator('json', (body) => readFields(body, false))

app.get('/api/:user_id/tasks', async (c) => {
  const user = c.req.param('user_id')
  const [found] = await db.select({ revision: users.revision }).from(users).where(eq(users.id, user))
  const etag = `"${found?.revision ?? 0}"`
  c.header('ETag', etag)
  if (c.req.header('If-None-Match') === etag) return c.body(null, 304)
  const limit = Number(c.req.query('limit') ?? 1000)
  return c.json(
    await db.select().from(tasks).where(ofUser(user)).orderBy(desc(tasks.created_at), desc(tasks.id)).limit(limit),
  )
})

app.post('/api/:user_id/tasks', newTask, async (c) => {
  const user = c.req.param('user_id')
  const fields = c.req.valid('json')
  const task = await db.transaction(async (tx) => {
    const [raised] = await tx
      .insert(users)
      .values({ id: user, revision: 1, position: 1 })
      .onConflictDoUpdate({
        target: users.id,
        set: { revision: sql`${users.revision} + 1`, position: sql`${users.position} + 1` },
      })
      .returning()
    if (!raised) throw new Error('no user')
    const { revision, position } = raised
    const [made] = await tx
      .insert(tasks)
      .values({ ...fields, id: crypto.randomUUID(), user_id: user, revision, position })
      .returning()
    return made
  })
  return c.json(task, 201)
})

app.get('/api/:user_id/tasks/:id', async (c) => {
  const [task] = await db
    .select()
    .from(tasks)
    .where(theTask(c.req.param('user_id'), c.req.param('id')))
  if (!task) throw new HTTPException(404, { message: 'Task not found' })
  return c.json(task)
})

app.put('/api/:user_id/tasks/:id', changes, async (c) =>
  c.json(await change(c.req.param('user_id'), c.req.param('id'), c.req.valid('json'))),
)

app.patch('/api/:user_id/tasks/:id/complete', async (c) =>
  c.json(
    await change(c.req.param('user_id'), c.req.param('id'), {
      completed: sql`not ${tasks.completed}`,
      completed_at: sql`case when ${tasks.completed} then null else now() end`,
    }),
  ),
)

app.get('/api/:user_id/changes', async (c) => {
  const since = Number(c.req.query('since') ?? 0)
  const limit = Number(c.req.query('limit') ?? 1000)
  const found = await db
    .select()
    .from(tasks)
    .where(and(eq(tasks.user_id, c.req.param('user_id')), gt(tasks.revision, since)))
    .orderBy(asc(tasks.revision))
    .limit(limit + 1)
  const page = found.slice(0, limit)
  return c.json({ changes: page, next: page.at(-1)?.revision ?? since, more: found.length > limit })
})

type Change = Parameters<ReturnType<typeof db.update<typeof tasks>>['set']>[0]

async function change(user: string, id: string, set: Change) {
  const task = await db.transaction(async (tx) => {
    const [raised] = await tx
      .update(users)
      .set({ revision: sql`${users.revision} + 1` })
      .where(eq(users.id, user))
      .returning()
    const [changed] = await tx
      .update(tasks)
      .set({ ...set, revision: raised?.revision, updated_at: sql`now()` })
      .where(theTask(user, id))
      .returning()
    return changed
  })
  if (!task) throw new HTTPException(404, { message: 'Task not found' })
  return task
}

type Fields = Pick<typeof tasks.$inferInsert, 'title' | 'description' | 'priority' | 'due_date' | 'tags'>

function readFields(body: Partial<Fields>, isNew: boolean): Fields {
  const { title, description, priority, due_date, tags } = body
  const fits = title === undefined ? !isNew : typeof title === 'string' && title.length >= 1 && title.length <= 200
  if (!fits) throw new HTTPException(422, { message: 'title must have 1 to 200 characters' })
  // A missing title has been refused where it is needed.
  return { title: title as string, description, priority, due_date, tags }
}

export default { port: Number(process.env['PORT']), hostname: '127.0.0.1', fetch: app.fetch }
