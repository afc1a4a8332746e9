import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { databases } from '../kit/boot.ts'
import { expectProblem } from '../kit/expect-problem.ts'
import { useService } from '../kit/service.ts'
import { newUser, taskOf } from '../kit/user.ts'

const RUNS = 150

/** Any code point but NUL, which PostgreSQL cannot hold; no surrogates. */
const unicode = (maxLength: number) =>
  fc.string({ unit: 'binary', maxLength, size: 'max' }).map((text) => text.replaceAll('\0', ''))
const anyTitle = unicode(200).filter((text) => text.trim() !== '')

/** Any UTF-16 at all, lone surrogates and NUL among it. */
const utf16 = fc
  .array(fc.oneof(fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.integer({ min: 0, max: 0xffff })), { maxLength: 8 })
  .map((units) => String.fromCharCode(...units))

/** JSON of any form, often around the names that there are. */
const anyBody = fc.oneof(
  fc.jsonValue({ noUnicodeString: false }),
  fc.dictionary(
    fc.constantFrom('id', 'title', 'description', 'completed', 'priority', 'due_date', 'tags', 'position', 'colour'),
    fc.oneof(fc.jsonValue({ noUnicodeString: false }), utf16, fc.constantFrom('high', '2026-11-24')),
  ),
)

describe.each(databases)('text over %s', (kind) => {
  const service = useService(kind)

  test('any Unicode title, description and tag comes back as it went in', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    const tag = unicode(50).filter((text) => text.trim() !== '')
    const tags = fc.uniqueArray(tag, { maxLength: 3, selector: (text) => text.trim() })
    await fc.assert(
      fc.asyncProperty(anyTitle, unicode(1000), tags, async (title, description, tags) => {
        const kept = { title: title.trim(), description, tags: tags.map((text) => text.trim()) }
        const made = await ann.create({ title, description, tags })
        expect(made).toMatchObject(kept)
        expect(await ann.read(made.id)).toEqual(made)
        expect(await taskOf(await ann.put(id, { title, description, tags }))).toMatchObject(kept)
      }),
      { numRuns: RUNS },
    )
  })

  test('text is either kept to the last code unit or refused', async () => {
    const ann = newUser(service())
    const { id } = await ann.create()
    await fc.assert(
      fc.asyncProperty(utf16, async (description) => {
        const response = await ann.put(id, { description })
        if (description.isWellFormed() && !description.includes('\0'))
          expect((await taskOf(response)).description).toBe(description)
        else await expectProblem(response, 422, 'validation-failed', { pointers: ['/description'] })
      }),
      { numRuns: RUNS },
    )
  })

  test('any JSON at all is taken or refused in good form, and a refusal changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(anyBody, async (body) => {
        const ann = newUser(service())
        const task = await ann.create()
        const text = JSON.stringify(body)
        const json = { 'content-type': 'application/json' }
        const made = await ann.post(text, json)
        if (made.status === 201) await taskOf(made, 201)
        else await expectProblem(made, 422, 'validation-failed')
        const counter = task.revision + (made.status === 201 ? 1 : 0)
        const changed = await ann.put(task.id, text, json)
        if (changed.ok) expect((await taskOf(changed)).revision).toBe(counter + 1)
        else {
          await expectProblem(changed, 422, 'validation-failed')
          expect(await ann.read(task.id)).toEqual(task)
        }
      }),
      { numRuns: RUNS },
    )
  })
})
