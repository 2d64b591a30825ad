import { recordAudit } from '../database/audit/append.ts'
import { clock, type Db } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { isUniqueViolation } from '../database/violations.ts'
import type { Environment } from '../rules/keys/key-text.ts'
import { defaultPermission, type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { checkedName } from '../rules/text/names.ts'
import { KIND_WORDS } from '../rules/text/words.ts'
import { holdMaker, refuseBusyMaker } from './keys/caps.ts'
import { insertKey } from './keys/insert.ts'
import type { KeyMaker } from './make-version.ts'

type NewService = {
  /** Staff say whose it is; a member's is always their own organisation's. */
  organisationId?: string | undefined
  name: string
  environment: Environment
  selfService?: boolean | undefined
}

const FIRST_KEYS = ['auth', 'admin'] as const
const UNLIMITED = { ipRanges: [], datasets: [], expiresAt: null }

/**
 * Makes a service with its Auth and its Admin key, which count as made by the owner who adds it. Refuses NOT_FOUND (no such organisation),
 * NAME_TAKEN, INVALID_REQUEST, and TOO_MANY_KEYS when the policy allows that owner no two more.
 */
export async function createService(
  db: Db,
  maker: KeyMaker,
  actor: PersonActor,
  input: NewService,
): Promise<{ id: string }> {
  requireRole(actor, 'services.create')
  const organisationId = actor.organisationId ?? input.organisationId
  const name = checkedName(input.name)
  const id = newId('service')
  const createdBy = actor.organisationId === null ? null : actor.personId
  return db.transaction().execute(async (trx) => {
    if (createdBy !== null) {
      await holdMaker(trx, createdBy)
      await refuseBusyMaker(trx, createdBy, FIRST_KEYS.length)
    }
    const owner = await trx
      .selectFrom('organisation')
      .select('id')
      .where('id', '=', organisationId ?? '')
      .forShare()
      .executeTakeFirst()
    if (owner === undefined || (input.organisationId ?? owner.id) !== owner.id) throw new Refusal('NOT_FOUND')
    const at = await clock(trx)
    const service = { id, organisationId: owner.id, name, environment: input.environment }
    await trx
      .insertInto('service')
      .values({ ...service, createdAt: at })
      .execute()
      .catch((error: unknown) => {
        throw isUniqueViolation(error, 'service_name') ? new Refusal('NAME_TAKEN') : error
      })
    if (input.selfService !== undefined) {
      await trx.insertInto('servicePolicy').values({ serviceId: id, selfService: input.selfService }).execute()
    }
    for (const kind of FIRST_KEYS) {
      const fields = { name: KIND_WORDS[kind], description: '', permission: defaultPermission(kind) }
      await insertKey(trx, maker, service, { ...fields, ...UNLIMITED, kind, createdBy }, at)
    }
    const facts = { service: id, name, environment: input.environment }
    await recordAudit(trx, owner.id, at, { action: 'service.create', actor, facts })
    return { id }
  })
}
