import { sql } from 'kysely'
import type { Pool } from 'pg'
import type { Db } from '../../../src/database/connect.ts'
import { rollKey } from '../../../src/desk/roll.ts'
import { createGateway } from '../../../src/keyring/gateways.ts'
import { revealVersion } from '../../../src/keyring/reveal.ts'
import { verifyKey } from '../../../src/keyring/verify.ts'
import { hashKey } from '../../../src/rules/keys/key-text.ts'
import type { Clock } from '../../../src/rules/rotations/overlap.ts'
import { carryOutAll, type DeskWorld, maker } from './desk-world.ts'
import { addSelfService, setServicePolicy } from './self-service.ts'
import { readRotation } from './story.ts'

export type Rolled = { ref: string; itemId: string; keyId: string; serviceId: string; oldId: string; madeId: string }

/** Rolled keys whose versions a gateway can ask about without anybody having picked them up: their texts are known to the test alone. */
export async function makeClockWorld(db: Db, pool: Pool, world: DeskWorld) {
  const gateway = await createGateway(db, world.admin, { name: 'Everywhere' })
  const verifier = { pool, prefix: 'rk', recordUse: () => {} }

  /** Gives a version another text, so that it can be used before its pick-up. */
  async function knowText(versionId: string): Promise<void> {
    const hash = hashKey(`text of ${versionId}`)
    await db.updateTable('version').set({ hash }).where('id', '=', versionId).execute()
  }

  return {
    /** Rolls a key of a service of its own; its new version is made. */
    async roll(wish: { overlapSeconds: number; cooldownSeconds?: number } & Partial<Clock>): Promise<Rolled> {
      const { overlapSeconds, cooldownSeconds = 0, ...clock } = wish
      const { id, authKeyId } = await addSelfService(db, world)
      await setServicePolicy(db, id, { cooldownSeconds })
      const { ref } = await rollKey(db, world.owner, authKeyId, { overlapSeconds, ...clock })
      await carryOutAll(db)
      const [item] = (await readRotation(db, ref)).items
      if (item?.oldVersionId == null || item.newVersionId === null) throw new Error('nothing was made')
      const rolled = { ref, itemId: item.id, keyId: authKeyId, serviceId: id, oldId: item.oldVersionId }
      await knowText(item.oldVersionId)
      await knowText(item.newVersionId)
      return { ...rolled, madeId: item.newVersionId }
    },
    /** What a gateway is told of a version that it asks about. */
    use: (versionId: string, demand = {}) =>
      verifyKey(verifier, gateway.token, { key: `text of ${versionId}`, ...demand }),
    pickUp: (versionId: string) => revealVersion(db, maker.sealer, world.owner, versionId),
  }
}

/** The end of a rolled key's old version, as the version, its item, the due work and the queue have it: one and the same, or it throws. */
export async function endOf(db: Db, { ref, itemId, oldId }: Rolled): Promise<Date> {
  const item = await db.selectFrom('item').selectAll().where('id', '=', itemId).executeTakeFirstOrThrow()
  const old = await db.selectFrom('version').selectAll().where('id', '=', oldId).executeTakeFirstOrThrow()
  const rotation = await db.selectFrom('rotation').selectAll().where('ref', '=', ref).executeTakeFirstOrThrow()
  const ends = [
    item.overlapEndsAt,
    old.acceptedUntil,
    ...(item.status === 'overlap' ? [item.dueAt, rotation.nextDeadline] : []),
  ]
  if (new Set(ends.map((end) => end?.getTime())).size !== 1) throw new Error(`ends differ: ${ends.join(', ')}`)
  return old.acceptedUntil ?? new Date(Number.NaN)
}

/** As if so many milliseconds had passed for a rolled key: all that is stored of its times moves back. */
export async function passTime(db: Db, { ref, keyId }: Rolled, milliseconds: number): Promise<void> {
  const by = sql`${milliseconds} * interval '1 millisecond'`
  await sql`update version set created_at = created_at - ${by}, active_from = active_from - ${by}, revealed_at = revealed_at - ${by},
    accepted_until = accepted_until - ${by}, own_end = own_end - ${by}, revoke_from = revoke_from - ${by},
    revoked_at = revoked_at - ${by} where key_id = ${keyId}`.execute(db)
  await sql`update item set generated_at = generated_at - ${by}, overlap_ends_at = overlap_ends_at - ${by}, due_at = due_at - ${by}
    where rotation_ref = ${ref}`.execute(db)
  await sql`update rotation set created_at = created_at - ${by}, decided_at = decided_at - ${by},
    next_deadline = next_deadline - ${by} where ref = ${ref}`.execute(db)
  await sql`update follow_up set at = at - ${by} where rotation_ref = ${ref}`.execute(db)
  // By way of a time where none is, since each row has to be unique after every single step.
  const away = sql`interval '36500 days'`
  await sql`update reminder set of = of - ${away}, due_at = due_at - ${away} where rotation_ref = ${ref}`.execute(db)
  await sql`update reminder set of = of + (${away} - ${by}), due_at = due_at + (${away} - ${by})
    where rotation_ref = ${ref}`.execute(db)
}
