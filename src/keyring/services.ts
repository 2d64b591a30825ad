import { recordAudit } from '../database/audit/append.ts'
import { clock, type Db, type Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { isUniqueViolation } from '../database/violations.ts'
import type { Environment, KeyKind } from '../rules/keys/key-text.ts'
import { defaultPermission, type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { checkedName } from '../rules/text/names.ts'
import { KIND_WORDS } from '../rules/text/words.ts'
import { type KeyMaker, makeVersion } from './make-version.ts'

type NewService = {
  /** Staff say whose it is; a member's is always their own organisation's. */
  organisationId?: string | undefined
  name: string
  environment: Environment
  selfService?: boolean | undefined
}

async function addKey(
  trx: Trx,
  maker: KeyMaker,
  service: { id: string; organisationId: string; environment: Environment },
  kind: KeyKind,
  at: Date,
): Promise<void> {
  const id = newId('key')
  const { organisationId, environment } = service
  await trx
    .insertInto('key')
    .values({
      id,
      serviceId: service.id,
      organisationId,
      kind,
      name: KIND_WORDS[kind],
      permission: defaultPermission(kind),
      createdAt: at,
    })
    .execute()
  await makeVersion(trx, maker, { id, organisationId, kind, environment }, at, null)
}

/** Makes a service with its Auth and its Admin key. Refuses NOT_FOUND (no such organisation), NAME_TAKEN and INVALID_REQUEST. */
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
  return db.transaction().execute(async (trx) => {
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
    for (const kind of ['auth', 'admin'] as const) await addKey(trx, maker, service, kind, at)
    const facts = { service: id, name, environment: input.environment }
    await recordAudit(trx, owner.id, at, { action: 'service.create', actor, facts })
    return { id }
  })
}
