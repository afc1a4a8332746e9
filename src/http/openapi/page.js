// Runs in the reader's browser, ahead of Scalar and in the same script.

// Scalar contains Zod, which tries to compile code; the page's policy forbids that.
globalThis.__zod_globalConfig = { jitless: true }

// Scalar takes relative servers for paths of the origin (and not, as OpenAPI 3.1 has it, for
// relative to the document), so it is told the address that only the browser knows: a proxy
// may have put a prefix before ours.
{
  const element = document.getElementById('api-reference')
  const configuration = JSON.parse(element.dataset.configuration)
  const url = new URL('.', document.baseURI).href.replace(/\/$/, '')
  configuration.servers = [{ url, description: 'This service' }]
  element.dataset.configuration = JSON.stringify(configuration)
}
