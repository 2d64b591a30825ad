import { submitRotation } from '../../desk/submit.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Reason } from '../../rules/rotations/approvals.ts'
import type { Foundation } from '../../start.ts'
import { makeService, type NewDemoService } from './services.ts'

const DAY_SECONDS = 86_400

type Filing = { reason: Reason; details: string; overlapSeconds: number; startsInDays?: number }
type Shown = { ref: string; secrets: string[] }

/** A service of its own with a rotation of both keys, filed by its owner. */
export async function file(
  desk: Foundation,
  owner: PersonActor,
  service: NewDemoService,
  filing: Filing,
): Promise<Shown> {
  const { id, keys } = await makeService(desk, owner, service)
  const { startsInDays, ...rest } = filing
  const notBefore = startsInDays === undefined ? null : new Date(Date.now() + startsInDays * DAY_SECONDS * 1000)
  const items = [{ serviceId: id, kinds: ['auth', 'admin'] as const }]
  const { ref } = await submitRotation(desk.db, owner, { ...rest, notBefore, items })
  return { ref, secrets: keys.map((key) => key.secret) }
}
