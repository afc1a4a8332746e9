/** Slots at first; doubled whenever half of them are taken. */
const SLOTS = 1024

/** 32-bit words of an id, which is also what a slot holds. */
const WORDS = 4

const HYPHEN = 0x2d

/**
 * A set of UUIDs. 250,000 take 8 MiB here, and 30 in a `Set`, whose strings the garbage collector must look
 * through again and again.
 */
export class IdSet {
  #slots = new Uint32Array(SLOTS * WORDS)
  #size = 0
  /** Whether the id of nothing but zeros is in it, since zeros are an empty slot. */
  #hasZero = false
  /** Chosen anew for each set: whoever knew them could write a file of ids that all want the same slot. */
  readonly #seeds = crypto.getRandomValues(new Uint32Array(WORDS)).map((seed) => seed | 1)
  readonly #id = new Uint32Array(WORDS)

  /** What it takes in memory. */
  get bytes(): number {
    return this.#slots.byteLength
  }

  /** @param id in hexadecimal and hyphens. @returns whether it is new to the set. */
  add(id: string): boolean {
    readWords(id, this.#id)
    if (isEmpty(this.#id, 0)) {
      const isNew = !this.#hasZero
      this.#hasZero = true
      return isNew
    }
    if (this.#size * 2 >= this.#slots.length / WORDS) this.#grow()
    const isNew = this.#put(this.#id, 0)
    if (isNew) this.#size += 1
    return isNew
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(before.length * 2)
    for (let at = 0; at < before.length; at += WORDS) if (!isEmpty(before, at)) this.#put(before, at)
  }

  /** @param from where in `words` the id begins. */
  #put(words: Uint32Array, from: number): boolean {
    const slots = this.#slots
    let at = this.#slotOf(words, from) * WORDS
    while (!isEmpty(slots, at)) {
      if (isSame(slots, at, words, from)) return false
      at = (at + WORDS) % slots.length
    }
    for (let word = 0; word < WORDS; word++) slots[at + word] = words[from + word] ?? 0
    return true
  }

  #slotOf(words: Uint32Array, from: number): number {
    let hash = 0
    for (let word = 0; word < WORDS; word++) {
      hash = Math.imul(hash ^ (words[from + word] ?? 0), this.#seeds[word] ?? 1)
      hash ^= hash >>> 16
    }
    return (Math.imul(hash, this.#seeds[0] ?? 1) >>> 0) % (this.#slots.length / WORDS)
  }
}

function readWords(id: string, words: Uint32Array): void {
  let digits = 0
  let value = 0
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at)
    if (code === HYPHEN) continue
    // 0 to 9, or a to f in either case.
    value = (value << 4) | (code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57)
    digits += 1
    if (digits % 8 === 0) words[digits / 8 - 1] = value
  }
}

function isEmpty(words: Uint32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0
}

function isSame(a: Uint32Array, at: number, b: Uint32Array, from: number): boolean {
  return a[at] === b[from] && a[at + 1] === b[from + 1] && a[at + 2] === b[from + 2] && a[at + 3] === b[from + 3]
}
