/** `true`, `false`, `null` or a number (RFC 8259, 3 and 6). */
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y

/**
 * Where a text stops being JSON (RFC 8259): the offset of the first character that cannot stand
 * there, the text's length where it ends too early, or -1 where it is well-formed. JSON.parse
 * tells no place. Neither recursive nor copying: a body of nothing but `[` costs a byte for each.
 */
export function findFault(text: string): number {
  const open: ('}' | ']')[] = []
  let at = 0
  let next: 'value' | 'first' | 'name' | 'end' = 'value'
  for (;;) {
    at = past(SPACE, text, at)
    const char = text[at]
    if (next === 'end') {
      const closing = open.at(-1)
      if (closing === undefined) return char === undefined ? -1 : at
      if (char === closing) open.pop()
      else if (char === ',') next = closing === '}' ? 'name' : 'value'
      else return at
      at += 1
    } else if (next === 'first' && char === open.at(-1)) {
      open.pop()
      next = 'end'
      at += 1
    } else if (next === 'name' || (next === 'first' && open.at(-1) === '}')) {
      const end = char === '"' ? endOfString(text, at) : { fault: at }
      if ('fault' in end) return end.fault
      at = past(SPACE, text, end.offset)
      if (text[at] !== ':') return at
      next = 'value'
      at += 1
    } else if (char === '{' || char === '[') {
      open.push(char === '{' ? '}' : ']')
      next = 'first'
      at += 1
    } else {
      const end = char === '"' ? endOfString(text, at) : { offset: past(LITERAL, text, at) }
      if ('fault' in end) return end.fault
      if (end.offset === at) return at
      at = end.offset
      next = 'end'
    }
  }
}

/** `line 3, column 7`, both from 1; columns in UTF-16 units, as most editors count. */
export function lineAndColumn(text: string, offset: number): string {
  let line = 1
  let start = 0
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', start)) {
    line += 1
    start = at + 1
  }
  return `line ${line}, column ${offset - start + 1}`
}

/** @param start where the opening quote stands. */
function endOfString(text: string, start: number): { offset: number } | { fault: number } {
  for (let at = start + 1; at < text.length; ) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return { offset: at + 1 }
    if (code < 0x20) return { fault: at }
    const end = code === 0x5c ? past(ESCAPE, text, at) : at + 1
    if (end === at) return { fault: at }
    at = end
  }
  return { fault: text.length }
}

/** Where a match that begins at `at` ends; `at` itself where there is none. */
function past(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}
