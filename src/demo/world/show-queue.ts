import { findRotations } from '../../database/rotations/views.ts'
import { assignRotation } from '../../desk/assign.ts'
import { saveView } from '../../desk/saved-views.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Foundation } from '../../start.ts'

/** What the staff have settled among themselves: the newest request is somebody's, and one of them has a view of their own. */
export async function showQueue({ db }: Foundation, agent: PersonActor, colleague: PersonActor): Promise<void> {
  const newest = await findRotations(db, agent, { status: ['submitted'], limit: 1 })
  for (const { ref } of newest.items) await assignRotation(db, colleague, ref, { assigneeId: colleague.personId })
  await saveView(db, agent, { name: 'Nobody’s yet', query: 'view=decide&assignee=nobody' })
}
