import { Elysia } from 'elysia'
import ipaddr from 'ipaddr.js'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Problem } from '../problem.ts'
import { isMisaddressed, pathOf } from './address.ts'

const WINDOW_S = 60

/** Characters of a URL: RFC 9110, 4.1, asks for 8000; our longest links and filters need less. */
const MAX_URL_LENGTH = 8192

/** Health checks are never limited. */
const UNLIMITED = /^\/health(\/ready)?\/?$/

export interface LimitOptions {
  /** Requests a minute for each user, and for each address of unauthenticated requests; 0 is no limit. */
  rateLimit: number
  /** Addresses and CIDR blocks whose `X-Forwarded-For` counts. */
  trustedProxies: readonly string[]
}

/** The part of Bun's server that tells a request's peer. */
export interface Peers {
  requestIP(request: Request): { address: string } | null
}

interface Answer {
  headers: Record<string, string | number>
}

export type Limits = ReturnType<typeof createLimits>

/**
 * Counts requests in this process, by rate-limiter-flexible: authenticated ones by user, others by
 * client address. Refused requests count as well.
 */
export function createLimits({ rateLimit, trustedProxies }: LimitOptions) {
  const trusted = trustedProxies.map(readNetwork)
  const counter = () => new RateLimiterMemory({ points: rateLimit, duration: WINDOW_S, keyPrefix: '' })
  const users = counter()
  const addresses = counter()
  const policyOf = (name: string) => `"${name}";q=${rateLimit};w=${WINDOW_S}`
  const policies = { user: policyOf('user'), address: policyOf('address') }

  function headersOf(name: keyof typeof policies, { remainingPoints, msBeforeNext }: RateLimiterRes) {
    return {
      'ratelimit-policy': policies[name],
      ratelimit: `"${name}";r=${remainingPoints};t=${Math.ceil(msBeforeNext / 1000)}`,
    }
  }

  function refuse(name: keyof typeof policies, state: RateLimiterRes): Problem {
    return new Problem('rate-limited', 'Too many requests. Please wait a little.', {
      headers: { ...headersOf(name, state), 'retry-after': String(Math.max(1, Math.ceil(state.msBeforeNext / 1000))) },
    })
  }

  async function count(limiter: RateLimiterMemory, name: keyof typeof policies, key: string): Promise<RateLimiterRes> {
    try {
      return await limiter.consume(key)
    } catch (state) {
      throw state instanceof RateLimiterRes ? refuse(name, state) : state
    }
  }

  /** The address by which unauthenticated requests are limited; undefined where there is no socket. */
  function addressOf(request: Request, server: Peers | null): string | undefined {
    const peer = server?.requestIP(request)?.address
    return peer === undefined ? undefined : clientAddress(peer, request.headers.get('x-forwarded-for'), trusted)
  }

  /** Counts a request without a known user. @throws Problem `rate-limited`. */
  async function countAddress(request: Request, server: Peers | null): Promise<void> {
    const address = rateLimit > 0 ? addressOf(request, server) : undefined
    if (address !== undefined) await count(addresses, 'address', address)
  }

  return {
    addressOf,

    /**
     * Counts a request whose user is known, and says in its headers what is left (IETF draft
     * httpapi-ratelimit-headers-10).
     *
     * @throws Problem `rate-limited`.
     */
    async countUser(user: string, set: Answer): Promise<void> {
      if (rateLimit > 0) Object.assign(set.headers, headersOf('user', await count(users, 'user', user)))
    },

    countAddress,

    /**
     * Counts a request with `Authorization` that no route has taken, and so no user plugin has counted.
     *
     * @throws Problem `rate-limited`.
     */
    async countUnrouted(request: Request, server: Peers | null): Promise<void> {
      if (isLeftToRoutes(request)) await countAddress(request, server)
    },

    /** Counts nothing. @throws Problem `rate-limited` where the address has nothing left. */
    async checkAddress(request: Request, server: Peers | null): Promise<void> {
      const address = rateLimit > 0 ? addressOf(request, server) : undefined
      const state = address === undefined ? null : await addresses.get(address)
      if (state !== null && state.consumedPoints >= rateLimit) throw refuse('address', state)
    },
  }
}

/** The addresses that ask for a token. */
const GUARDED = /^\/(api\/|mcp\/?$)/

/** There, `auth/user.ts` counts a request with `Authorization`: by user, or by address if the token is bad. */
function isLeftToRoutes(request: Request): boolean {
  return GUARDED.test(pathOf(request.url)) && request.headers.has('authorization')
}

/**
 * Bounds the length of a URL, refuses a bad `Host` (RFC 9112, 3.2), and counts by address every
 * request that the user plugin does not count.
 */
export function limitStage(limits: Limits) {
  return new Elysia({ name: 'limits' }).onRequest(async ({ request, server }) => {
    if (request.url.length > MAX_URL_LENGTH)
      throw new Problem('uri-too-long', `An address may have at most ${MAX_URL_LENGTH} characters.`)
    if (isMisaddressed(request)) {
      await limits.countAddress(request, server)
      throw new Problem('malformed-request', 'The Host header must be one host or address, with or without a port.')
    }
    if (isLeftToRoutes(request) || request.method === 'OPTIONS') return
    if (!UNLIMITED.test(pathOf(request.url))) await limits.countAddress(request, server)
  })
}

type Address = ReturnType<typeof ipaddr.process>
type Network = [network: Address, bits: number]

function readNetwork(text: string): Network {
  if (text.includes('/')) return ipaddr.parseCIDR(text)
  const address = ipaddr.process(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

/**
 * The client's address: the peer's, or the last address in `X-Forwarded-For` that no trusted proxy
 * has. What stands before that address was sent by the client and proves nothing.
 */
export function clientAddress(peer: string, forwardedFor: string | null, trusted: readonly Network[]): string {
  let client = ipaddr.process(peer)
  for (const hop of forwardedFor?.split(',').reverse() ?? []) {
    const at = client
    if (!trusted.some(([network, bits]) => network.kind() === at.kind() && at.match(network, bits))) break
    const text = hop.trim()
    if (!ipaddr.isValid(text)) break
    client = ipaddr.process(text)
  }
  // A site gets at least a /64 (RFC 6177) and can use any address in it: count the whole network.
  if (!(client instanceof ipaddr.IPv6)) return client.toString()
  const network = client.parts.slice(0, 4).map((part) => part.toString(16))
  return `${network.join(':')}::`
}
