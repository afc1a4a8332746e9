const JSON_TYPE = 'application/json'
const CSV_TYPE = 'text/csv'

/** How much of a file is made at a time. */
const PIECE = 64 * 1024

const encoder = new TextEncoder()

/** A file's beginning, what is repeated up to the size asked for, and its end. */
interface Pattern {
  type: string
  head?: string
  /** The text number `n` of what is repeated. */
  body(n: number): string
  tail?: string
  /** How often it is repeated at most. */
  times?: number
}

const repeated = (text: string) => {
  const piece = text.repeat(Math.ceil(PIECE / text.length))
  return () => piece
}

const separated = (n: number, text: string) => (n === 0 ? text : `,${text}`)

/** Text that does not compress: characters of nearly the whole plane. */
function noise(length: number): string {
  const units = crypto.getRandomValues(new Uint16Array(length))
  return String.fromCharCode(...units.map((unit) => 0x100 + (unit % 0xd000)))
}

const realTask = (n: number) => ({
  id: Bun.randomUUIDv7(),
  title: `Task number ${n} of many`,
  description: `Something about ${crypto.randomUUID()}`,
  priority: ['low', 'medium', 'high'][n % 3],
  due_date: '2026-11-24',
  tags: ['home', `tag-${n % 50}`],
})

export const attacks = {
  'small JSON': { type: JSON_TYPE, head: '[', body: (n) => separated(n, '{"title":"a"}'), tail: ']', times: 5000 },
  'small CSV': { type: CSV_TYPE, head: 'title\n', body: () => 'a\n', times: 5000 },
  'nothing but [': { type: JSON_TYPE, body: repeated('[') },
  'nothing but {': { type: JSON_TYPE, head: '[', body: repeated('{"a":') },
  'CSV of commas': { type: CSV_TYPE, head: 'title\n', body: repeated(',') },
  'CSV of quotes': { type: CSV_TYPE, head: 'title\n', body: repeated('"') },
  'CSV of empty lines': { type: CSV_TYPE, head: 'title', body: repeated('\n') },
  'one entry': { type: JSON_TYPE, head: '[{"title":"', body: repeated('a'), tail: '"}]' },
  'one field of arrays': { type: JSON_TYPE, head: '[{"title":"a","user_id":[', body: repeated('[],'), tail: '0]}]' },
  'ignored fields as large as allowed': {
    type: JSON_TYPE,
    head: '[',
    body: (n) => separated(n, `{"title":"a","user_id":[${'[],'.repeat(450)}"${'x'.repeat(250_000)}"]}`),
    tail: ']',
  },
  '30,000 levels': { type: JSON_TYPE, head: '[{"tags":', body: () => '['.repeat(30_000), times: 1 },
  'a cell of 30,000 levels': {
    type: CSV_TYPE,
    head: 'title,tags\n',
    body: () => `a,${'['.repeat(30_000)}\n`,
    times: 1,
  },
  spaces: { type: JSON_TYPE, head: '[', body: repeated(' '), tail: ']' },
  '250,000 tasks': { type: JSON_TYPE, head: '[', body: taskText, tail: ']', times: 250_000 },
  '250,000 titles': {
    type: JSON_TYPE,
    head: '[',
    body: (n) => separated(n, '{"title":"a"}'),
    tail: ']',
    times: 250_000,
  },
  '250,000 lines': { type: CSV_TYPE, head: 'title\n', body: () => 'a\n', times: 250_000 },
  'descriptions of noise': {
    type: JSON_TYPE,
    head: '[',
    body: (n) => separated(n, JSON.stringify({ title: 'a', description: noise(10_000) })),
    tail: ']',
  },
  '250,000 tasks but the last': { type: JSON_TYPE, head: '[', body: taskText, tail: ',{"title":""}]', times: 249_999 },
} as const satisfies Record<string, Pattern>

export type AttackName = keyof typeof attacks

function taskText(n: number): string {
  return separated(n, JSON.stringify(realTask(n)))
}

/** The file in pieces, of about so many bytes. */
export function* piecesOf(name: AttackName, bytes: number): Generator<Uint8Array> {
  const { head = '', body, tail = '', times = Number.POSITIVE_INFINITY }: Pattern = attacks[name]
  let text = head
  let left = bytes - head.length - tail.length
  for (let n = 0; n < times && left > 0; n++) {
    const next = body(n)
    const size = Buffer.byteLength(next)
    if (size > left) break
    text += next
    left -= size
    if (text.length < PIECE) continue
    yield encoder.encode(text)
    text = ''
  }
  yield encoder.encode(text + tail)
}
