import type { RotationView } from '../../database/rotations/views.ts'
import { type PersonActor, roleMay } from '../../rules/permissions.ts'
import { isEnded, rotationMayMove } from '../../rules/rotations/rotation-lifecycle.ts'
import { oldKeyWorks } from '../shown/status.ts'
import { askableItems, extendableItems } from './follow-ups/key-choices.ts'

type Move = { label: string; hint: string; href: string | null; action: string | null; danger: boolean }

function withdrawal(rotation: RotationView, actor: PersonActor): Move[] {
  const untouched = rotation.items.every((item) => item.status === 'pending')
  const may = roleMay(actor.role, 'rotations.withdraw') && rotationMayMove('withdraw', rotation.status) && untouched
  const action = `/rotations/${rotation.ref}/withdrawal`
  const hint = 'Nothing has been changed yet, and nothing will be. You can file a new one at any time.'
  return may ? [{ label: 'Withdraw the request', hint, href: null, action, danger: false }] : []
}

function earlyRevocation(rotation: RotationView, actor: PersonActor): Move[] {
  const may = roleMay(actor.role, 'rotations.revokeEarly') && rotation.items.some(oldKeyWorks)
  const href = `/rotations/${rotation.ref}/early-revocation`
  const hint = 'Once everything uses the new ones. You see the last use of each before you confirm.'
  return may ? [{ label: 'Stop the old keys early', hint, href, action: null, danger: true }] : []
}

/** A key leaked while it is in a routine rotation: that can't wait for the rotation to end. */
function replacement(rotation: RotationView, actor: PersonActor): Move[] {
  const routine = rotation.reason !== 'compromised' && !isEnded(rotation.status)
  const href = `/rotations/new?replaces=${rotation.ref}`
  const hint = 'A request about the leak takes the place of this one; old keys that still work stop when you send it.'
  const may = routine && roleMay(actor.role, 'rotations.submit')
  return may ? [{ label: 'A key was leaked', hint, href, action: null, danger: true }] : []
}

function followUps(rotation: RotationView, actor: PersonActor): Move[] {
  if (!roleMay(actor.role, 'rotations.followUp')) return []
  const moves: Move[] = []
  if (extendableItems(rotation).length > 0) {
    const hint = 'When something still needs the old keys after they are to stop.'
    const href = `/rotations/${rotation.ref}/extension`
    moves.push({ label: 'More time for the old keys', hint, href, action: null, danger: false })
  }
  if (askableItems(rotation, 'rollback').length > 0) {
    const hint = 'When the new keys are of no use: they are deleted. Only while the old ones still work.'
    const href = `/rotations/${rotation.ref}/rollback`
    moves.push({ label: 'Go back to the old keys', hint, href, action: null, danger: true })
  }
  return moves
}

/** What this person can do with the rotation now, the harmless first. */
export function openMoves(rotation: RotationView, actor: PersonActor): Move[] {
  const all = [withdrawal, followUps, earlyRevocation, replacement]
  return all.flatMap((moves) => moves(rotation, actor))
}
