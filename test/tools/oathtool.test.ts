import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { spendCode } from '../../src/identity/sign-in/codes.ts'
import { createCountingSealer } from '../support/counting-sealer.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome } from '../support/refusals.ts'
import { enrolFirstAdmin } from '../support/worlds/people.ts'

const { db } = await openTestDatabase()
const { sealer } = createCountingSealer()
const person = await enrolFirstAdmin(db, sealer)

/** The code that `oathtool` gives for the seed which the person's app was given, so many seconds from now. */
function oathtool(seconds: number): string {
  const now = `@${Math.floor(Date.now() / 1000) + seconds}`
  return execFileSync('oathtool', ['--totp', '--base32', `--now=${now}`, person.totpSecret], {
    encoding: 'utf8',
  }).trim()
}

/** As if the person had used none of their codes yet. */
async function forgetCodes(): Promise<void> {
  await db.updateTable('person').set({ codeLastStep: null }).where('id', '=', person.actor.personId).execute()
}

describe('a code from oathtool', () => {
  test('is accepted, and once only', async () => {
    await forgetCodes()
    const code = oathtool(0)
    expect(await outcome(spendCode(db, sealer, person.actor.personId, code))).toBe('done')
    expect(await outcome(spendCode(db, sealer, person.actor.personId, code))).toBe('CODE_REJECTED')
  })

  test('of a quarter of an hour ago is refused', async () => {
    await forgetCodes()
    expect(await outcome(spendCode(db, sealer, person.actor.personId, oathtool(-900)))).toBe('CODE_REJECTED')
  })
})
