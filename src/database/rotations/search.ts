import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { Db } from '../connect.ts'
import type { Database } from '../schema.ts'

/** References of rotations, to be narrowed further. */
export type Refs = SelectQueryBuilder<Database, 'rotation', { ref: string }>

/** Every rotation's reference. */
export function selectRefs(db: Db): Refs {
  return db.selectFrom('rotation').select('rotation.ref')
}

function asPattern(text: string): string {
  return text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)
}

/** `rot-10` and `10` both begin `ROT-1042`. */
function refPattern(text: string): string {
  const number = text.toUpperCase().replace(/^ROT-/, '')
  return `ROT-${asPattern(number)}%`
}

/** One query for each thing that may be searched by, led by an index from what matches to its rotations. */
function searchesFor(db: Db, text: string): Refs[] {
  const part = `%${asPattern(text)}%`
  const organisations = db.selectFrom('organisation').select('id').where('name', 'ilike', part)
  const people = db
    .selectFrom('person')
    .select('id')
    .where((is) => is.or([is('name', 'ilike', part), is('email', 'ilike', part)]))
  const services = db.selectFrom('service').select('id').where('name', 'ilike', part)
  const keys = db.selectFrom('version').select('keyId').where('last4', '=', text)
  const items = db.selectFrom('item').select('rotationRef')
  return [
    selectRefs(db).where('rotation.ref', 'like', refPattern(text)),
    selectRefs(db).where('rotation.organisationId', 'in', organisations),
    selectRefs(db).where('rotation.requesterId', 'in', people),
    selectRefs(db).where('rotation.ref', 'in', items.where('serviceId', 'in', services)),
    selectRefs(db).where('rotation.ref', 'in', items.where('keyId', 'in', keys)),
  ]
}

/**
 * The references of the rotations that a text finds: how a reference begins, part of an organisation's, requester's or
 * service's name or of an email address, or the last 4 of a key. `narrow` limits each way of finding to the page that is
 * wanted, so that a text which finds much is as quick as one which finds little.
 */
export function searchRefs(db: Db, text: string, narrow: (refs: Refs) => Refs): RawBuilder<unknown> {
  const found = searchesFor(db, text).map((refs) => sql`(${narrow(refs)})`)
  return sql.join(found, sql` union all `)
}
