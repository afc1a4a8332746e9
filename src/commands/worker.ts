import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { startService } from '../serve.ts'
import { joinParent } from '../workers/protocol.ts'
import { runUntilEnded } from './ending.ts'
import { type Host, readArgs } from './host.ts'

/** One of several processes that serve on one port. Its argument is its place among them, for the log. */
export async function worker(args: string[], host: Host): Promise<number> {
  const [place] = readArgs(args, 1).positionals
  const config = readConfig(host.env)
  const log = createLog(config.logLevel, { worker: Number(place ?? 0) })
  // The parent waits for load balancers, once for all its workers.
  return await runUntilEnded(host, log, { delayMs: 0, isWorker: true }, async () => {
    const service = await startService(config, log, { isWorker: true })
    const { metrics, url, database } = service
    const parent = joinParent(host, {
      leave: service.leave,
      isReady: service.isReady,
      metrics: async () => (await metrics?.values()) ?? [],
    })
    parent.sayStarted({ url, database })
    return { leave: service.leave, stop: () => service.stop().then(parent.sayLastMetrics) }
  })
}
