import { clock, type Db } from '../../database/connect.ts'
import { lockPerson } from '../../database/people/people.ts'
import { countRecoveryCodes } from '../../database/people/proofs.ts'
import { Refusal } from '../../rules/refusals.ts'
import { hashRecoveryCode, looksLikeRecoveryCode, newRecoveryCode } from '../../secrets/recovery-codes.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { isOpen } from '../sign-in/accounts.ts'
import type { Bearer } from '../sign-in/bearers.ts'
import { spendCode, spendGuess } from '../sign-in/codes.ts'
import { recordAccountChange } from './changes.ts'

const CODES = 10

/** Makes ten recovery codes and gives them this once; the ones before are void from then on. */
export async function makeRecoveryCodes(db: Db, bearer: Bearer): Promise<string[]> {
  const { personId } = bearer.actor
  const codes = Array.from({ length: CODES }, newRecoveryCode)
  await db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, personId)
    const at = await clock(trx)
    await trx.deleteFrom('recoveryCode').where('personId', '=', personId).execute()
    const rows = codes.map((code) => ({ personId, codeHash: hashRecoveryCode(personId, code), createdAt: at }))
    await trx.insertInto('recoveryCode').values(rows).execute()
    const change = { action: 'person.make_recovery_codes', notice: 'recovery_codes_made', at } as const
    await recordAccountChange(trx, person, change)
  })
  return codes
}

/**
 * Accepts a recovery code, each once; wrong ones count together with wrong one-time codes. The person is told by mail.
 * Refuses with `CODE_REJECTED` or `CODE_LOCKED`, as `spendCode` does.
 */
export async function spendRecoveryCode(db: Db, personId: string, code: string): Promise<void> {
  const detail = 'That recovery code was not accepted. Each works once, and making new ones voids the old.'
  await spendGuess(db, personId, () => useUp(db, personId, code), new Refusal('CODE_REJECTED', { detail }))
}

/** Whichever of the two it is: a one-time code, or a recovery code. Refuses as they do. */
export async function spendCodeOrRecoveryCode(db: Db, sealer: Sealer, personId: string, code: string): Promise<void> {
  if (looksLikeRecoveryCode(code)) await spendRecoveryCode(db, personId, code)
  else await spendCode(db, sealer, personId, code)
}

async function useUp(db: Db, personId: string, code: string): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, personId)
    if (!isOpen(person)) return false
    const at = await clock(trx)
    const { numUpdatedRows } = await trx
      .updateTable('recoveryCode')
      .set({ usedAt: at })
      .where('personId', '=', personId)
      .where('codeHash', '=', hashRecoveryCode(personId, code))
      .where('usedAt', 'is', null)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return false
    await trx
      .updateTable('person')
      .set({ wrongCodes: 0, consecutiveWrongCodes: 0, wrongCodesSince: null })
      .where('id', '=', personId)
      .execute()
    const facts = { left: await countRecoveryCodes(trx, personId) }
    const change = { action: 'person.use_recovery_code', notice: 'recovery_code_used', at } as const
    await recordAccountChange(trx, person, { ...change, facts })
    return true
  })
}
