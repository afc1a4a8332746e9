import { expect, test } from 'bun:test'
import { openTextBody } from '../../src/http/streamed-body.ts'
import { HeldRows, unpack } from '../../src/transfer/held-rows.ts'
import { IdSet } from '../../src/transfer/id-set.ts'
import type { Row } from '../../src/transfer/record.ts'
import { Room } from '../../src/transfer/room.ts'
import { plainRow } from '../kit/row.ts'

const MIB = 1024 * 1024
const tooMany = { code: 'too-many-imports' }

test('a process holds 128 MiB of what has arrived, and lets go of it when an import ends', () => {
  const room = new Room()
  using ann = room.enter('ann')
  expect(() => room.enter('ann')).toThrow(expect.objectContaining(tooMany))
  ann.hold(60 * MIB)
  {
    using bob = room.enter('bob')
    bob.hold(60 * MIB)
    expect(() => bob.hold(70 * MIB)).toThrow(expect.objectContaining(tooMany))
    bob.hold(10 * MIB)
    ann.hold(100 * MIB)
    expect(() => bob.hold(60 * MIB)).toThrow(expect.objectContaining(tooMany))
  }
  ann.hold(120 * MIB)
})

test('a set of ids knows each in either case, and grows', () => {
  const set = new IdSet()
  const ids = Array.from({ length: 20_000 }, () => crypto.randomUUID())
  ids.push('00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  expect(ids.every((id) => set.add(id))).toBe(true)
  expect(ids.some((id) => set.add(id.toUpperCase()))).toBe(false)
  expect(set.bytes).toBeLessThan(2 * MIB)
})

const rowOf = (n: number) =>
  plainRow({
    title: `${n} \ufeff😀 ${'x'.repeat(n % 150)}`,
    tags: ['a,b'],
    position: n % 3 === 0 ? null : n,
  })

test('held rows come back in order, in pieces of which each tells its numbers, and are let go', () => {
  const rows = Array.from({ length: 5000 }, (_, n) => rowOf(n))
  const held = new HeldRows({ idsOnly: false })
  for (const [n, row] of rows.entries()) held.add(row, { isNamed: n % 2 === 0 })
  expect(held.length).toBe(5000)
  expect(held.bytes).toBeLessThan(JSON.stringify(rows).length / 2)
  const pieces = [...held.take()].map((piece) => ({ ...piece, ...unpack(piece.packed) }))
  const found = pieces.map((piece) => JSON.parse(piece.rows) as Row[])
  expect(found.flat()).toEqual(rows)
  for (const [index, piece] of pieces.entries()) {
    const own = found[index] ?? []
    expect(piece.unplaced).toBe(own.filter(({ position }) => position === null).length)
    expect(piece.bytes).toBe(own.reduce((sum, { title }) => sum + 300 + Buffer.byteLength(title) + '{a,b}'.length, 0))
  }
  expect(
    pieces
      .map(({ ids }) => ids.slice(1, -1))
      .join()
      .replaceAll('"', '')
      .split(','),
  ).toEqual(rows.filter((_, n) => n % 2 === 0).map(({ id }) => id))
  expect(held.bytes).toBe(0)
})

test('of what is not inserted ids alone are held', () => {
  const held = new HeldRows({ idsOnly: true })
  const row = rowOf(1)
  held.add(row, { isNamed: true })
  expect([...held.take()].map(({ packed }) => unpack(packed))).toEqual([{ rows: '[]', ids: `{"${row.id}"}` }])
})

function streamOf(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      for await (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })
}

const types = ['text/csv']

function bodyOf(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  deadlines = { nextMs: 10_000, allMs: 10_000 },
) {
  const request = new Request('http://localhost', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: streamOf(pieces),
  })
  return openTextBody(request, types, 10, deadlines)
}

test.each([
  ['whose next byte does not come', 20, { nextMs: 50, allMs: 10_000 }],
  ['that comes for too long', 10_000, { nextMs: 10_000, allMs: 100 }],
])('a body %s is 408', async (_, count, deadlines) => {
  async function* slowly() {
    for (let n = 0; n < count; n++) {
      yield new Uint8Array(0)
      if (count === 20 && n === 3) await Bun.sleep(5000)
      await Bun.sleep(5)
    }
  }
  const start = performance.now()
  await expect(Array.fromAsync(bodyOf(slowly(), deadlines).pieces)).rejects.toMatchObject({ code: 'body-too-slow' })
  expect(performance.now() - start).toBeLessThan(4000)
})

test('characters that are cut by pieces are read whole, and half a character at the end is 400', async () => {
  const bytes = new TextEncoder().encode('é😀')
  const one = Array.from(bytes, (byte) => Uint8Array.of(byte))
  expect((await Array.fromAsync(bodyOf(one).pieces)).join('')).toBe('é😀')
  await expect(Array.fromAsync(bodyOf(one.slice(0, -1)).pieces)).rejects.toMatchObject({ code: 'malformed-json' })
})

test('the digest of a body hangs on its bytes alone', async () => {
  const bytes = new TextEncoder().encode('a,b\r\n')
  const digestOf = async (pieces: Uint8Array[]) => {
    const body = bodyOf(pieces)
    await Array.fromAsync(body.pieces)
    return body.digest()
  }
  expect(await digestOf([bytes])).toBe(await digestOf([bytes.subarray(0, 2), bytes.subarray(2)]))
  expect(await digestOf([bytes])).not.toBe(await digestOf([bytes.subarray(1)]))
})
