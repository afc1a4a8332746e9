import { expect, test } from 'bun:test'
import { median, quantile, slope, spread } from '../../bench/statistics.ts'

test('a slope is what least squares say', () => {
  expect(slope([1, 3, 5, 7])).toBe(2)
  expect(slope([4, 4, 4])).toBe(0)
  // By hand: sum of (x - 1.5)(y - 2) is 4, sum of (x - 1.5)² is 5.
  expect(slope([1, 2, 1, 4])).toBeCloseTo(4 / 5)
})

test('a median lies in the middle, a spread is half the range, a quantile is one of the values', () => {
  expect(median([9, 1, 4])).toBe(4)
  expect(median([1, 2, 3, 10])).toBe(2.5)
  expect(spread([8, 10, 13])).toBe(0.25)
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(3)
  expect(quantile([1, 2, 3, 4], 1)).toBe(4)
})
