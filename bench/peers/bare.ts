/** The floor of any service on Bun: no routes, no token, no database, one fixed answer the size of a task. */
const body = JSON.stringify({
  id: '00000000-0000-7000-8000-0000000003e7',
  user_id: 'bench-00999',
  title: 'Task 999 of the bench, with a title of ordinary length',
  description: 'Some words about it, as people write them.',
  completed: false,
  completed_at: null,
  priority: 'medium',
  due_date: '2026-11-24',
  tags: ['home', 'errands'],
  position: 1,
  revision: 1,
  created_at: '2026-11-20T22:02:42.578Z',
  updated_at: '2026-11-20T22:02:42.578Z',
  deleted_at: null,
})

Bun.serve({
  port: Number(process.env['PORT']),
  hostname: '127.0.0.1',
  fetch: () => new Response(body, { headers: { 'content-type': 'application/json' } }),
})
