// Lives a task's life by way of the installed package, and prints what it saw.
import { createDoable, DoableError } from 'doable/client'

const [, , url = '', userId = '', jwt = ''] = process.argv
const doable = createDoable({ url, userId, token: () => jwt })
const since = await doable.revision()
const made = await doable.create({ title: 'Buy milk' })
await doable.complete(made.id)
const seen = []
for await (const { title, completed } of doable.watch({ since })) {
  seen.push([title, completed])
  if (completed) break
}
const { total } = await doable.page()
const file = await doable.export()
await doable.remove(made.id)
const refusal = await doable.get(made.id).catch((error) => error)
process.stdout.write(
  JSON.stringify({
    node: process.versions.node.split('.')[0],
    seen,
    total,
    exported: file.size > 0,
    refused: refusal instanceof DoableError && refusal.code,
  }),
)
