import { Elysia } from 'elysia'
import ipaddr from 'ipaddr.js'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Problem } from '../problem.ts'

const WINDOW_S = 60

/** Longer than any address that we give out or that a filter of ours needs (RFC 9110, 4.1, asks for 8000). */
const MAX_URL_LENGTH = 8192

/** What load balancers ask is never refused. */
const UNLIMITED = /^\/health(\/ready)?\/?$/

export interface LimitOptions {
  /** Requests a minute for each user, and for each address before it has shown who it is; 0 is no limit. */
  rateLimit: number
  /** Addresses and CIDR blocks whose `X-Forwarded-For` counts. */
  trustedProxies: readonly string[]
}

/** As much of Bun's server as is needed to know who calls. */
interface Peers {
  requestIP(request: Request): { address: string } | null
}

interface Answer {
  headers: Record<string, string | number>
}

export type Limits = ReturnType<typeof createLimits>

/**
 * Counts requests in this process, by rate-limiter-flexible: a user's under their id, and those
 * of whoever is not known yet under their address. What is refused counts as well.
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

  /** Whom requests of nobody we know are counted for; undefined where there is no socket. */
  function addressOf(request: Request, server: Peers | null): string | undefined {
    const peer = server?.requestIP(request)?.address
    return peer === undefined ? undefined : clientAddress(peer, request.headers.get('x-forwarded-for'), trusted)
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

    /** Counts a request of nobody we know. @throws Problem `rate-limited`. */
    async countAddress(request: Request, server: Peers | null): Promise<void> {
      const address = rateLimit > 0 ? addressOf(request, server) : undefined
      if (address !== undefined) await count(addresses, 'address', address)
    },

    /** Counts nothing. @throws Problem `rate-limited` where the address has nothing left. */
    async checkAddress(request: Request, server: Peers | null): Promise<void> {
      const address = rateLimit > 0 ? addressOf(request, server) : undefined
      const state = address === undefined ? null : await addresses.get(address)
      if (state !== null && state.consumedPoints >= rateLimit) throw refuse('address', state)
    },
  }
}

/**
 * Bounds the address itself, and counts whatever comes without a token or goes where none is
 * asked for. A request with a token is left to the user plugin, which knows whose it is.
 */
export function limitStage(limits: Limits) {
  return new Elysia({ name: 'limits' }).onRequest(async ({ request, server }) => {
    const { url } = request
    if (url.length > MAX_URL_LENGTH)
      throw new Problem('uri-too-long', `An address may have at most ${MAX_URL_LENGTH} characters.`)
    const isBelowApi = url.startsWith('/api/', url.indexOf('/', url.indexOf('//') + 2))
    if ((isBelowApi && request.headers.has('authorization')) || request.method === 'OPTIONS') return
    if (!UNLIMITED.test(new URL(url).pathname)) await limits.countAddress(request, server)
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
 * Who calls: the peer, or, as far as the hops from there on are trusted, whom they name in
 * `X-Forwarded-For`. Only what a trusted proxy has added counts; the rest is the caller's own word.
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
  // A provider hands out at least a /64, within which a caller can pick any address (RFC 6177).
  if (!(client instanceof ipaddr.IPv6)) return client.toString()
  const network = client.parts.slice(0, 4).map((part) => part.toString(16))
  return `${network.join(':')}::`
}
