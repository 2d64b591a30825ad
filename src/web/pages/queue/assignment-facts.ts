import { findStaff } from '../../../database/people/people.ts'
import type { RotationView } from '../../../database/rotations/views.ts'
import { roleMay } from '../../../rules/permissions.ts'
import { isEnded } from '../../../rules/rotations/rotation-lifecycle.ts'
import { bearerOf, type WebContext } from '../../context.ts'

/** Who looks after a rotation, what the one of the staff who looks can change about it, and the way to the next; null for customers. */
export async function assignmentFacts(c: WebContext, { ref, assignee, status }: RotationView) {
  const { actor } = bearerOf(c)
  if (!roleMay(actor.role, 'rotations.assign')) return null
  const colleagues = (await findStaff(c.get('desk').db)).filter(({ personId }) => personId !== actor.personId)
  const open = !isEnded(status)
  const yours = assignee?.id === actor.personId
  return {
    name: assignee?.name ?? null,
    yours,
    open,
    takeable: open && !yours,
    from: assignee?.id ?? '',
    action: `/rotations/${ref}/assignment`,
    choices: [
      ...(yours ? [] : [{ value: 'me', label: 'me' }]),
      ...(assignee === null ? [] : [{ value: 'nobody', label: 'nobody' }]),
      ...colleagues.map(({ personId, name }) => ({ value: personId, label: name })),
    ].map((choice) => ({ ...choice, chosen: choice.value === assignee?.id })),
    nextHref: `/queue/next?after=${ref}`,
  }
}
