import { sql } from 'kysely'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findMemberships, findPersonByEmail, type Membership, type PersonRow } from '../../database/people/people.ts'
import { putLetter } from '../../outbox/letters.ts'
import { Refusal } from '../../rules/refusals.ts'
import { oneLine } from '../../rules/text/foreign-text.ts'
import { cleanEmail, EMAIL_PROBLEM } from '../../rules/text/names.ts'
import { hashToken, newToken } from '../../secrets/tokens.ts'
import { spendAccessRequest, spendUnprovenRequest } from '../limits.ts'
import { recordCase, refuseUnlessTrue } from './case.ts'
import { spendSolution } from './challenge.ts'

const LINK_HOURS = 24
const KEPT_DAYS = 30
const MAX_NAME_LENGTH = 100

type AccessWish = {
  email: string
  organisation: string
  network: string
  /** The solved challenge and what it was signed with; without JavaScript there is none. */
  proof: { secret: string; solution: string } | null
}

/**
 * Notes that somebody says they lost their access. It does the same for every address, known or not, in the same time: the letter is
 * the worker's. Each costs a proof of work; without one a stricter limit takes its place. Refuses INVALID_REQUEST for what is no address,
 * CHALLENGE_REJECTED, and TOO_MANY_REQUESTS by network and by address.
 */
export async function requestAccess(db: Db, input: AccessWish): Promise<void> {
  const email = cleanEmail(input.email)
  if (email === null) {
    throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/email', message: EMAIL_PROBLEM }] })
  }
  const { proof, network } = input
  if (proof === null) await spendUnprovenRequest(db, network)
  else await spendSolution(db, proof.secret, proof.solution)
  await spendAccessRequest(db, network, email)
  const organisation = oneLine(input.organisation).slice(0, MAX_NAME_LENGTH)
  await db
    .insertInto('accessRequest')
    .values({ id: newId('accessRequest'), email, organisation, createdAt: sql<Date>`clock_timestamp()` })
    .execute()
}

/**
 * Takes the oldest request that nobody has looked at, and mails its person a link if the address is somebody's. Whether there was one.
 * Another worker passes over it meanwhile; one that fails waits behind the others.
 */
export async function answerNextAccessRequest(db: Db): Promise<boolean> {
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const request = await trx
        .selectFrom('accessRequest')
        .selectAll()
        .where('tokenHash', 'is', null)
        .orderBy('createdAt')
        .limit(1)
        .forUpdate()
        .skipLocked()
        .executeTakeFirst()
      if (request === undefined) return false
      claimed = request.id
      const person = await findPersonByEmail(trx, request.email)
      const place = person === undefined ? undefined : await findPlace(trx, person, request.organisation)
      if (person === undefined || place === undefined) {
        await trx.deleteFrom('accessRequest').where('id', '=', request.id).execute()
      } else {
        await sendLink(trx, request.id, person, place)
      }
      return true
    })
  } catch (error) {
    if (claimed !== null) await goLast(db, claimed)
    throw error
  }
}

async function goLast(db: Db, id: string): Promise<void> {
  const request = db.updateTable('accessRequest').where('id', '=', id).where('tokenHash', 'is', null)
  await request.set({ createdAt: sql<Date>`clock_timestamp()` }).execute()
}

type Place = { organisationId: string | null }

/** Where the person lost it: the organisation they named, else the only one they belong to, else the staff. */
async function findPlace(trx: Trx, person: PersonRow, named: string): Promise<Place | undefined> {
  if (person.disabledAt !== null) return undefined
  const memberships = await findMemberships(trx, person.id)
  const wanted = named.toLowerCase()
  const isNamed = ({ organisation }: Membership) => organisation.toLowerCase() === wanted
  const only = memberships.length === 1 ? memberships[0] : undefined
  return memberships.find(isNamed) ?? only ?? (person.staffRole === null ? undefined : { organisationId: null })
}

async function sendLink(trx: Trx, id: string, person: PersonRow, { organisationId }: Place): Promise<void> {
  const at = await clock(trx)
  const token = newToken()
  const expiresAt = new Date(at.getTime() + LINK_HOURS * 3_600_000)
  await trx
    .updateTable('accessRequest')
    .set({ personId: person.id, organisationId, tokenHash: hashToken(token), expiresAt })
    .where('id', '=', id)
    .execute()
  await forgetOld(trx, person.id, at)
  await putLetter(trx, {
    naturalKey: `lost-access|${id}`,
    kind: 'lost-access',
    to: { name: person.name, address: person.email },
    facts: {
      path: `/lost-access/${token}`,
      expiresAt: expiresAt.toISOString(),
      at: at.toISOString(),
      why: 'somebody entered your address on the page for a lost access',
      timeZone: person.timeZone,
    },
    thread: null,
    at,
  })
}

async function forgetOld(trx: Trx, personId: string, at: Date): Promise<void> {
  const longAgo = new Date(at.getTime() - KEPT_DAYS * 86_400_000)
  await trx.deleteFrom('accessRequest').where('personId', '=', personId).where('expiresAt', '<', longAgo).execute()
}

/** The link of a letter that still works, with what it is about; null when it was used, has run out or never was. */
export async function findAccessRequest(db: Db, token: string): Promise<{ name: string; email: string } | null> {
  const found = await db
    .selectFrom('accessRequest')
    .innerJoin('person', 'person.id', 'accessRequest.personId')
    .select(['person.name', 'person.email'])
    .where('accessRequest.tokenHash', '=', hashToken(token))
    .where('accessRequest.usedAt', 'is', null)
    .where(sql<boolean>`access_request.expires_at > clock_timestamp()`)
    .executeTakeFirst()
  return found ?? null
}

/**
 * Says that it was them: from then on a case waits for the staff to call. Where one is open already, that one goes on. Refuses
 * RESET_VOID for a link that was used, has run out or never was, and ILLEGAL_MOVE when the account changed meanwhile.
 */
export async function confirmAccessRequest(db: Db, token: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const request = await trx
      .selectFrom('accessRequest')
      .selectAll()
      .where('tokenHash', '=', hashToken(token))
      .where('usedAt', 'is', null)
      .where(sql<boolean>`expires_at > clock_timestamp()`)
      .forUpdate()
      .executeTakeFirst()
    if (request === undefined) throw new Refusal('RESET_VOID')
    const person = await findPersonByEmail(trx, request.email)
    if (person === undefined || person.id !== request.personId) throw new Refusal('RESET_VOID')
    const { organisationId, email } = request
    const id = newId('recoveryCase')
    const recovery = { id, organisationId, personId: person.id, kind: 'lost_access', name: person.name, email } as const
    await refuseUnlessTrue(trx, recovery)
    const at = await clock(trx)
    await trx.updateTable('accessRequest').set({ usedAt: at }).where('id', '=', request.id).execute()
    const written = await trx
      .insertInto('recoveryCase')
      .values({ ...recovery, status: 'requested', createdAt: at })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    if (written === undefined) return
    await recordCase(trx, recovery, { action: 'recovery.request', actor: { kind: 'desk' }, at })
  })
}
