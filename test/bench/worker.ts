import { carryOutNextDue } from '../../src/desk/carry-out.ts'
import { addService, fileAndApprove, maker } from '../support/worlds/desk-world.ts'
import type { BenchWorld } from './world.ts'

const ROTATIONS = 200
const AT_ONCE = 4

/** How fast due items are executed, one transaction each, by four loops as in one worker. */
export async function benchWorker({ db, desk }: BenchWorld): Promise<string[]> {
  for (let i = 0; i < ROTATIONS; i++) {
    const { id } = await addService(db, desk.admin, desk.organisationId, `Bench ${i}`)
    await fileAndApprove(db, desk, id)
  }
  const before = performance.now()
  let done = 0
  async function loop(): Promise<void> {
    while (await carryOutNextDue(db, maker)) done += 1
  }
  await Promise.all(Array.from({ length: AT_ONCE }, loop))
  const seconds = (performance.now() - before) / 1000
  return [`worker: ${Math.round(done / seconds)} items executed per second, one transaction each`]
}
