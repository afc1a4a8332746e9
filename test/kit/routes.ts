import { expect } from 'bun:test'
import type { Target } from './boot.ts'

interface Media {
  example?: unknown
}
interface Operation {
  operationId: string
  security?: Record<string, string[]>[]
  requestBody?: { required?: boolean; content: Record<string, Media> }
}
interface Document {
  paths: Record<string, Record<string, Operation>>
}

/** One operation of the service, as its own OpenAPI document lists it. */
export interface Route {
  name: string
  method: string
  /** With `{user_id}` and other parameters in braces. */
  path: string
  /** Whether the document says that it takes no token. */
  open: boolean
  /** The scope that the document asks for; undefined where no limited token will do. */
  scope: string | undefined
  /** A body that it takes, by its own example; undefined where it takes none. */
  body: unknown
}

/** The methods that a path item may hold (OpenAPI 3.1, 4.8.9). */
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

/**
 * The routes of the running service by its own document, so that a new route is tested without a change here.
 * Without Better Auth's, which use sessions and are tested in test/accounts.
 */
export async function readRoutes(service: Target): Promise<Route[]> {
  const response = await service.request(undefined, 'GET', '/swagger/json')
  expect(response.status).toBe(200)
  return routesOf(await response.json()).filter(({ path }) => !path.startsWith('/api/auth/'))
}

/** @param document OpenAPI, whose form other tests check. */
export function routesOf(document: unknown): Route[] {
  const { paths } = document as Document
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, { security, requestBody }]) => ({
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        open: security?.length === 0,
        scope: security?.[0]?.['bearer']?.[0],
        body: Object.values(requestBody?.content ?? {})[0]?.example,
      })),
  )
  // An empty list would make every test of the matrix pass.
  expect(routes.length).toBeGreaterThanOrEqual(9)
  return routes
}

/** The path with its parameters filled in, each percent-encoded. */
export function fillPath(path: string, parameters: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name]
    if (value === undefined) throw new Error(`nothing to fill {${name}} of ${path} with`)
    return encodeURIComponent(value)
  })
}
