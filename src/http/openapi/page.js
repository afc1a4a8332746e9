// Runs in the reader's browser, ahead of Scalar, which it then starts.

// Scalar contains Zod, which tries to compile code; the page's policy forbids that.
globalThis.__zod_globalConfig = { jitless: true }

/** Where Scalar keeps what is typed into its fields for tokens. */
const AUTH = 'scalar-reference-auth'

/** The claims that may say whose a token is, in Doable's order. */
const CLAIMS = ['sub', 'user_id', 'userId', 'id']

// Scalar keeps tokens in the local storage, where they would outlive the tab and be there for all others.
{
  const { localStorage, sessionStorage } = globalThis
  const storeOf = (key) => (String(key).startsWith(AUTH) ? sessionStorage : localStorage)
  Object.defineProperty(globalThis, 'localStorage', {
    value: {
      getItem: (key) => storeOf(key).getItem(key),
      removeItem: (key) => storeOf(key).removeItem(key),
      setItem(key, value) {
        storeOf(key).setItem(key, value)
        if (String(key).startsWith(AUTH)) fillUser()
      },
    },
  })
}

/** The user of the tab's token; undefined without one. */
function userOf() {
  const kept = Object.entries(sessionStorage).filter(([key]) => key.startsWith(AUTH))
  for (const [, text] of kept)
    for (const [, part] of text.matchAll(/"[\w-]+\.([\w-]+)\.[\w-]+"/g)) {
      const user = readUser(part)
      if (user !== undefined) return user
    }
  return undefined
}

function readUser(part) {
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (text) => text.charCodeAt(0))
    const claims = JSON.parse(new TextDecoder().decode(bytes))
    const named = [...CLAIMS.map((name) => claims[name]), claims.user?.id]
    const user = named.find((value) => (typeof value === 'string' && value !== '') || typeof value === 'number')
    return user === undefined ? undefined : String(user)
  } catch {
    return undefined
  }
}

const element = document.getElementById('reference')
const options = JSON.parse(element.dataset.configuration)
// Asked for while the browser still reads Scalar's script.
const asked = fetch(options.url).then((answer) => answer.json())
let reference
let user

/**
 * Scalar takes relative servers for paths of the origin (and not, as OpenAPI 3.1 has it, for relative to the document),
 * so it is told the address that only the browser knows: a proxy may have put a prefix before ours.
 */
const server = { url: new URL('.', document.baseURI).href.replace(/\/$/, ''), description: 'This service' }

/** Scalar's configuration. Another address of the document makes it ask for the document again. */
const configuration = () => ({
  ...options,
  url: user === undefined ? options.url : `${options.url}#${encodeURIComponent(user)}`,
  servers: [server],
  customFetch: async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    return /swagger\/json(#|$)/.test(url) ? Response.json(filled(await asked)) : fetch(input, init)
  },
})

/** The document, with the user as the value of every `user_id`. */
function filled(spec) {
  const document = structuredClone(spec)
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  for (const parameter of operations.flatMap((operation) => operation.parameters ?? []))
    if (user !== undefined && parameter.in === 'path' && parameter.name === 'user_id') {
      parameter.example = user
      delete parameter.schema.examples
    }
  return document
}

/** Fills in the user of the token, where it has become another one. */
function fillUser() {
  const next = userOf()
  if (next === user || reference === undefined) return
  user = next
  reference.updateConfiguration(configuration())
}

document.addEventListener('DOMContentLoaded', () => {
  user = userOf()
  reference = globalThis.Scalar.createApiReference(element, configuration())
})
