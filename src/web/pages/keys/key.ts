import { findKey, type KeyView, type ServiceView } from '../../../database/keys/services.ts'
import { type Action, type PersonActor, roleMay } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { keyFactsInFull } from '../../shown/keys/key.ts'
import { type KeyMove, keyMoves } from '../../shown/keys/menu.ts'
import { rotateHref } from '../../shown/keys/service.ts'
import { waitsForFirstPickUp } from '../../shown/new-keys.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { mayPickUp } from '../pick-up.ts'
import { SECTIONS } from './sections.ts'

/** The key that the address names, for somebody who may do this with it. Refuses NOT_FOUND when it isn't theirs. */
export async function keyOf(c: WebContext, action: Action) {
  const actor = actorFor(c, action)
  const found = await findKey(c.get('desk').db, actor, c.req.param('id') ?? '')
  if (found === undefined) throw new Refusal('NOT_FOUND')
  return { ...found, actor }
}

/** The rotation of a key that is in none, which its own page offers first. */
function rotateMove(key: KeyView, service: ServiceView, { role, organisationId }: PersonActor): KeyMove[] {
  const ofAll = organisationId === null
  const mayRotate = roleMay(role, 'rotations.file')
  const href = rotateHref(key, service, { mayRotate, ofAll })
  if (href === null || key.rotationRef !== null) return []
  const hint = 'Have its secret replaced; say why, and when.'
  return [{ href, label: ofAll ? 'File on behalf' : 'Rotate', hint, danger: false }]
}

async function show(c: WebContext): Promise<Response> {
  const { key, service, actor } = await keyOf(c, 'services.view')
  const may = { mayManage: roleMay(actor.role, 'keys.manage'), mayRoll: roleMay(actor.role, 'keys.roll') }
  const sections = await Promise.all(SECTIONS.map((find) => find(c, { key, service })))
  const waits = waitsForFirstPickUp(key) && (await mayPickUp(c))
  const ofStaff = actor.organisationId === null
  return showPage(c, 'key', {
    title: `${key.name} of ${service.name}`,
    organisation: ofStaff ? shownOrganisation(service.organisationId, service.organisationName) : null,
    key: keyFactsInFull(key, service, bearerOf(c).timeZone),
    pickUpHref: waits ? `/keys/${key.id}/new-keys` : null,
    moves: [...rotateMove(key, service, actor), ...keyMoves(key, service, may)],
    ...Object.assign({}, ...sections),
  })
}

/** Everything about one key. */
export function addKey(app: App): void {
  app.get('/keys/:id', show)
}
