import { randomInt } from 'node:crypto'
import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findWhetherAdminExists, lockDesk } from '../../database/people/people.ts'
import { Refusal } from '../../rules/refusals.ts'
import { hashToken } from '../../secrets/tokens.ts'
import { spendSetUpTry } from '../limits.ts'
import { cleanInvitee, type Invitee, writeInvitation } from './invite.ts'

// Without 0, O, 1, I and L, since people type it from a log. 31^25 is above 2^123.
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'
const GROUPS = 5
const GROUP_LENGTH = 5

function newCode(): string {
  const group = () => Array.from({ length: GROUP_LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('')
  return Array.from({ length: GROUPS }, group).join('-')
}

/** However it was typed: small letters, without or with other separators. */
function hashCode(code: string): Buffer {
  return hashToken(code.toUpperCase().replaceAll(/[^0-9A-Z]/g, ''))
}

/**
 * A code with which whoever reads the log may make the first staff admin, or null once there is one. Every starter of a
 * new desk issues its own.
 */
export async function issueSetUpCode(db: Db): Promise<string | null> {
  const code = newCode()
  return db.transaction().execute(async (trx) => {
    await lockDesk(trx)
    if (await findWhetherAdminExists(trx)) return null
    await trx
      .insertInto('setUpCode')
      .values({ codeHash: hashCode(code), createdAt: await clock(trx) })
      .execute()
    return code
  })
}

/**
 * Spends a set-up code and gives the path of the invitation where the first admin sets a password and a code device at
 * once. All codes are void afterwards; if the enrolment is given up, the next start issues a new one, and the
 * invitation before it is void. Refuses with `SET_UP_VOID`, `INVALID_REQUEST` or `TOO_MANY_REQUESTS`.
 */
export async function createFirstAdmin(
  db: Db,
  code: string,
  person: Invitee,
  network = '',
): Promise<{ invitationPath: string }> {
  await spendSetUpTry(db, network)
  const invitee = cleanInvitee(person)
  return db.transaction().execute(async (trx) => {
    await lockDesk(trx)
    await spendSetUpCode(trx, code)
    await trx.deleteFrom('invitation').where('role', '=', 'admin').where('acceptedAt', 'is', null).execute()
    const place = { organisationId: null, organisation: null }
    const invitation = { ...place, role: 'admin', by: invitee.name } as const
    const { path, person: admin } = await writeInvitation(trx, invitee, invitation)
    await recordAudit(trx, DESK_CHAIN, await clock(trx), {
      action: 'desk.set_up',
      actor: { kind: 'setup' },
      facts: { person: admin.id },
    })
    return { invitationPath: path }
  })
}

async function spendSetUpCode(trx: Trx, code: string): Promise<void> {
  if (await findWhetherAdminExists(trx)) throw new Refusal('SET_UP_VOID')
  const spent = await trx.deleteFrom('setUpCode').where('codeHash', '=', hashCode(code)).executeTakeFirst()
  if (spent.numDeletedRows === 0n) throw new Refusal('SET_UP_VOID')
  await trx.deleteFrom('setUpCode').execute()
}
