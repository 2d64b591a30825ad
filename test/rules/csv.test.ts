import { test as property } from '@fast-check/vitest'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csvLine } from '../../src/rules/text/csv.ts'

/** Reads one record as RFC 4180 has it. */
function parse(line: string): string[] {
  const cells: string[] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy
  for (const [, quoted, plain, end] of line.matchAll(pattern)) {
    cells.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'))
    if (end === '\r\n') break
  }
  return cells
}

property.prop([fc.array(fc.string(), { minLength: 1, maxLength: 5 })])(
  'what is written is read back, whatever is in it',
  (texts) => {
    const read = parse(csvLine(texts))
    expect(read).toHaveLength(texts.length)
    for (const [i, text] of texts.entries()) expect([text, `'${text}`]).toContain(read[i])
  },
)

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\0=1'])('%j is no formula when it is read back', (text) => {
  expect(parse(csvLine([text]))).toEqual([`'${text}`])
})

test('numbers stay numbers, and nothing is empty', () => {
  expect(csvLine([-3, null, 'a "b", c'])).toBe('-3,,"a ""b"", c"\r\n')
})
