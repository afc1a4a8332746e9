import { expect, test } from 'bun:test'
import { canonicalDate } from '../../src/resource/dates.ts'

const two = (n: number) => String(n).padStart(2, '0')

test('the days of the calendar are those that Date knows, from the year 0000 to 9999', () => {
  const years = [0, 1, 4, 100, 400, 1582, 1899, 1900, 1999, 2000, 2023, 2024, 2026, 2100, 2400, 9996, 9999]
  for (const year of years)
    for (let month = 0; month <= 13; month++)
      for (let day = 0; day <= 32; day++) {
        const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
        const time = new Date(`${text}T00:00:00Z`)
        const isDay = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
        const instant = `${text}T23:59:59.999Z`
        expect([text, canonicalDate(text), canonicalDate(instant)]).toEqual([
          text,
          isDay ? text : undefined,
          isDay ? instant : undefined,
        ])
      }
})
