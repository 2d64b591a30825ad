import { sql } from 'kysely'
import { claimOrganisationByAges, findOldKeys, markAges, type OldKey } from '../../database/ages/old-keys.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { tellOwners } from '../../outbox/notices.ts'
import { DAY_SECONDS } from '../../rules/rotations/overlap.ts'
import { count, durationInWords, keyInService } from '../../rules/text/words.ts'
import { type FiledForAge, fileForAge } from './file.ts'

/** How often the ages of an organisation's keys are looked at; they are counted in days. */
const EVERY_SECONDS = 3_600
/** After something went wrong with one, so that it holds up no other. */
const AFTER_ERROR_SECONDS = 600
/** Keys looked at in one transaction; where there are more, the rest follows at once. */
const MOST_KEYS = 500
/** Keys named in a letter, and in the address that it leads to. */
const MOST_NAMED = 20

type Organisation = { id: string }
type Told = { keys: readonly OldKey[]; key: string; note: string; path: string; at: Date }

function aboutOf(keys: readonly OldKey[]): { about: string; details: string[] } {
  const [first] = keys
  if (first !== undefined && keys.length === 1) return { about: keyInService(first), details: [] }
  const more = keys.length - MOST_NAMED
  const named = keys.slice(0, MOST_NAMED).map(keyInService)
  return { about: count(keys.length, 'key'), details: more > 0 ? [...named, `and ${more} more`] : named }
}

async function tellOfAge(trx: Trx, { id }: Organisation, { keys, ...told }: Told): Promise<void> {
  await tellOwners(trx, id, { notice: 'key_old', who: null, ...aboutOf(keys), ...told })
}

/** The oldest in whole days, as people count them. */
function ageInWords(keys: readonly OldKey[], at: Date): string {
  const oldest = Math.min(...keys.map(({ createdAt }) => createdAt.getTime()))
  const days = Math.floor((at.getTime() - oldest) / (DAY_SECONDS * 1000))
  return durationInWords(days * DAY_SECONDS)
}

async function remind(trx: Trx, organisation: Organisation, keys: readonly OldKey[], at: Date): Promise<void> {
  if (keys.length === 0) return
  const chosen = keys.slice(0, MOST_NAMED).map(({ keyId }) => `&key=${keyId}`)
  const note = `The oldest was made ${ageInWords(keys, at)} ago. Request a rotation: the old keys go on working while you put the new ones in place.`
  const path = `/rotations/new?reason=scheduled${chosen.join('')}`
  await tellOfAge(trx, organisation, { keys, key: `${organisation.id}/${at.toISOString()}`, note, path, at })
  await markAges(
    trx,
    keys.map(({ versionId }) => versionId),
    { remindedAt: at },
  )
}

async function tellOfFiling(trx: Trx, organisation: Organisation, { ref, keys }: FiledForAge, at: Date): Promise<void> {
  const note = `${ref} was filed for them, as the policy of their service says, and waits for support’s decision. Withdraw it there if it doesn’t suit you; nothing changes before new keys are made.`
  await tellOfAge(trx, organisation, { keys, key: ref, note, path: `/rotations/${ref}`, at })
}

async function watch(trx: Trx, organisation: Organisation): Promise<void> {
  const at = await clock(trx)
  const find = () => findOldKeys(trx, organisation.id, at, MOST_KEYS)
  const old = await find()
  const due = old.filter(({ fileDue }) => fileDue)
  const filed = await fileForAge(trx, organisation.id, due, find, at)
  for (const each of filed) await tellOfFiling(trx, organisation, each, at)
  const inRotation = filed.flatMap(({ keys }) => keys.map(({ keyId }) => keyId))
  const remindable = old.filter(({ remindDue, keyId }) => remindDue && !inRotation.includes(keyId))
  await remind(trx, organisation, remindable, at)
  const more = old.length === MOST_KEYS && filed.length + remindable.length > 0
  const agesDueAt = new Date(at.getTime() + (more ? 0 : EVERY_SECONDS * 1000))
  await trx.updateTable('organisation').set({ agesDueAt }).where('id', '=', organisation.id).execute()
}

/**
 * Looks at the ages of one organisation's keys: reminds its owners of those that have reached the age for it, once and then once every such
 * age again, and files a rotation of those that have reached the age for that. False when none is due that nobody else has. Run twice, or
 * by several workers at once, it reminds and files once; one that fails is put off and holds up no other.
 */
export async function watchNextAges(db: Db): Promise<boolean> {
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const organisation = await claimOrganisationByAges(trx)
      if (organisation === undefined) return false
      claimed = organisation.id
      await watch(trx, organisation)
      return true
    })
  } catch (error) {
    if (claimed !== null) await putOff(db, claimed)
    throw error
  }
}

async function putOff(db: Db, organisationId: string): Promise<void> {
  const agesDueAt = sql<Date>`clock_timestamp() + make_interval(secs => ${AFTER_ERROR_SECONDS})`
  await db.updateTable('organisation').set({ agesDueAt }).where('id', '=', organisationId).execute()
}
