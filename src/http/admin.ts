import { version } from '../../package.json'

/** What the operator's listener shows. */
export interface AdminSource {
  /** Rejects, or resolves false, while the service cannot answer. */
  isReady(): Promise<boolean>
  metrics(): Promise<{ type: string; text: string }>
}

const json = (status: number, body: object) => Response.json(body, { status, headers: { 'cache-control': 'no-store' } })

/**
 * A second listener for the operator: `/metrics` (Prometheus text format), `/health` and
 * `/health/ready`. It asks for no token: keep its port away from the public.
 */
export function startAdmin(hostname: string, port: number, { isReady, metrics }: AdminSource) {
  const unready = () => json(503, { status: 'not-ready' })
  const ready = async () => ((await isReady().catch(() => false)) ? json(200, { status: 'ready' }) : unready())
  const server = Bun.serve({
    hostname,
    port,
    reusePort: false,
    routes: {
      '/metrics': {
        GET: async () => {
          const { type, text } = await metrics()
          return new Response(text, { headers: { 'content-type': type } })
        },
      },
      '/health': { GET: () => json(200, { status: 'ok', version }) },
      '/health/ready': { GET: ready },
    },
    fetch: () => json(404, { status: 'not-found' }),
    error: () => json(500, { status: 'failed' }),
  })
  return { stop: () => server.stop(true) }
}
