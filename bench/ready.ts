import { freePort } from '../test/kit/postgres-server.ts'

export interface Ready {
  readonly url: string
  readonly pid: number
  /** From the spawn of the process to the first 200 of `/health/ready`, in milliseconds. */
  readonly took: number
  /** @throws Error when it does not end with 0. */
  stop(): Promise<void>
}

/**
 * Starts Doable and waits until it is ready: the database has answered.
 *
 * @throws Error when it ends before that.
 */
export async function startReady(program: string, env: Record<string, string>): Promise<Ready> {
  const url = `http://127.0.0.1:${freePort()}`
  const began = performance.now()
  const child = Bun.spawn([program, 'serve'], {
    env: { SHUTDOWN_DELAY_MS: '0', ...env, PORT: new URL(url).port },
    stdout: 'ignore',
    stderr: 'ignore',
  })
  for (;;) {
    const status = await fetch(`${url}/health/ready`).then(
      (response) => response.status,
      () => undefined,
    )
    if (status === 200) break
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode} before it was ready`)
    await Bun.sleep(1)
  }
  const took = performance.now() - began
  return {
    url,
    pid: child.pid,
    took,
    async stop() {
      child.kill('SIGTERM')
      if ((await child.exited) !== 0) throw new Error(`${program} ended with ${child.exitCode}`)
    },
  }
}

/** How long Doable takes to be ready on a database that it has used before, in milliseconds, so many times over. */
export async function measureReady(program: string, env: Record<string, string>, times: number): Promise<number[]> {
  const took: number[] = []
  // The first one reads the files from the disk, and is not counted.
  for (let at = 0; at <= times; at++) {
    const service = await startReady(program, env)
    await service.stop()
    if (at > 0) took.push(service.took)
  }
  return took
}
