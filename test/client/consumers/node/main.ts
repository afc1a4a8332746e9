import { createDoable, type Doable, DoableError, type Operation, type Task } from 'doable/client'

const operations: Operation[] = [{ op: 'create', task: { title: 'Buy milk', due_date: '2026-11-24' } }]

/** Uses what the declarations offer. */
export async function firstChange(url: string, userId: string, jwt: string): Promise<Task | undefined> {
  const doable: Doable = createDoable({ url, userId, token: ({ expired }) => (expired ? null : jwt) })
  try {
    const { revision } = await doable.page({ status: 'pending', limit: 1 })
    await doable.batch(operations)
    for await (const task of doable.watch({ since: revision, onReset: () => undefined })) return task
    return undefined
  } catch (error) {
    if (error instanceof DoableError) throw new Error(`${error.code}: ${error.errors.length}`)
    throw error
  }
}
