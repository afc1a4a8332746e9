/** Text of HTML that needs no escaping any more: `html` makes it, and nothing else does. */
export class Markup {
  constructor(readonly text: string) {}
}

type Part = string | number | Markup | readonly Markup[] | undefined

/** HTML by a template. Every value in it is escaped, for text and for attributes in double quotes, unless it is Markup. */
export function html(texts: TemplateStringsArray, ...parts: Part[]): Markup {
  return new Markup(texts.reduce((before, text, at) => before + write(parts[at - 1]) + text))
}

function write(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Markup) return part.text
  if (typeof part === 'object') return part.map(({ text }) => text).join('')
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const STYLE = `
:root { color-scheme: light dark; --line: #8a8f98; --accent: #1b7a43; --accent-text: #fff; --faint: #5a606a }
@media (prefers-color-scheme: dark) { :root { --accent: #6fd39b; --accent-text: #07160d; --faint: #a9b0ba } }
* { box-sizing: border-box }
a { color: var(--accent) }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText }
main { max-width: 27rem; margin: 8vh auto; padding: 0 1.25rem 2rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem }
h2 { font-size: 1.1rem; margin: 0 }
label { display: block; margin: 0 0 1rem; font-weight: 600 }
input { display: block; width: 100%; margin-top: .25rem; padding: .55rem .65rem; font: inherit; border: 1px solid var(--line); border-radius: .4rem }
button { padding: .55rem 1.1rem; font: inherit; font-weight: 600; border: 1px solid var(--line); border-radius: .4rem; background: transparent; color: inherit; cursor: pointer }
button.first { background: var(--accent); border-color: var(--accent); color: var(--accent-text) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem }
.fault { border-left: 4px solid #c62828; padding: .25rem .75rem }
.faint { color: var(--faint) }
ul.cards { list-style: none; padding: 0 }
ul.cards > li { border: 1px solid var(--line); border-radius: .4rem; padding: .75rem 1rem; margin-bottom: .75rem }
`

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 8l4 4 8-9" fill="none" stroke="#2a9d5c" stroke-width="3"/></svg>'

const STYLE_HASH = new Bun.CryptoHasher('sha256').update(STYLE).digest('base64')

export interface Page {
  title: string
  /** What stands below the title, which is the page's only `h1`. */
  body: Markup
  status?: number
  /** More header fields, such as cookies. */
  headers?: Headers
  /**
   * Where forms may lead beside this service, as sources of CSP: browsers apply `form-action` to the redirects
   * that answer a form, too.
   */
  formTargets?: readonly string[]
}

/**
 * A page that the service makes itself: one style, no script, nothing from elsewhere, in no frame (CSP level 3).
 * Nothing of it is kept by caches, and its address, which may hold a secret, goes to no other site.
 */
export function pageOf({ title, body, status = 200, headers, formTargets = [] }: Page): Response {
  const all = new Headers(headers)
  all.set('content-type', 'text/html; charset=utf-8')
  all.set('cache-control', 'no-store')
  // Not `no-referrer`: with that, browsers send forms with `Origin: null`, which proves nothing.
  all.set('referrer-policy', 'same-origin')
  all.set('x-frame-options', 'DENY')
  all.set(
    'content-security-policy',
    [
      "default-src 'none'",
      `style-src 'sha256-${STYLE_HASH}'`,
      'img-src data:',
      ["form-action 'self'", ...formTargets].join(' '),
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  )
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Doable</title>
<link rel="icon" href="${`data:image/svg+xml,${encodeURIComponent(ICON)}`}">
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`
  return new Response(text, { status, headers: all })
}
