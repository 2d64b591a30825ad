import { expect, test } from 'vitest'
import { filingForm } from '../../src/web/pages/filing.ts'

function problemsOf(fields: Record<string, unknown>): string[] {
  const { error } = filingForm('Europe/Oslo').safeParse(fields)
  return error?.issues.map((issue) => String(issue.path[0])) ?? []
}

const key = 'key_1'
const good = { key, reason: 'other', details: '', notBefore: '', overlap: '3600', otherDays: '' }
const secret = `key_auth_live_${'x'.repeat(30)}`

test('everything that is wrong with a request is told at once, in the order of the form', () => {
  expect(problemsOf({})).toEqual(['key', 'reason', 'overlap'])
  const wrong = { details: secret, notBefore: '2026-13-40T25:00', overlap: 'other', otherDays: '31' }
  expect(problemsOf(wrong)).toEqual(['key', 'reason', 'details', 'notBefore', 'otherDays'])
  expect(problemsOf({ ...good, details: secret, notBefore: '2999-01-01T00:00' })).toEqual(['details', 'notBefore'])
})

test('a good form becomes what the desk files', () => {
  const filed = filingForm('Europe/Oslo').parse({
    ...good,
    notBefore: '2026-12-02T09:00',
    overlap: 'other',
    otherDays: '0,5',
  })
  expect(filed.keyIds).toEqual([key])
  expect(filed.filing).toMatchObject({
    items: [{ keyId: key }],
    notBefore: new Date('2026-12-02T08:00:00Z'),
    overlapSeconds: 43_200,
  })
})
