import { beforeEach, expect, test } from 'vitest'
import { findDecisionFacts } from '../../src/database/rotations/decision-facts.ts'
import { findRotation } from '../../src/database/rotations/views.ts'
import { answerQuestion } from '../../src/desk/conversation/answer.ts'
import { askCustomer } from '../../src/desk/conversation/ask.ts'
import { approveRotation, rejectRotation } from '../../src/desk/decide.ts'
import { extendOverlap } from '../../src/desk/follow-ups/extend.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import { removeMember } from '../../src/identity/members/removal.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import type { PersonActor } from '../../src/rules/permissions.ts'
import { checks } from '../../src/web/shown/checks.ts'
import { openTestDatabase } from '../support/database.ts'
import { addMember, carryOutAll, type DeskWorld, file, makeDeskWorld, maker } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let stays: PersonActor
let ref: string

beforeEach(async () => {
  world = await makeDeskWorld(db)
  stays = await addMember(db, world.organisationId, 'owner', 'Bea Owner')
  ref = await file(db, world.owner, world.service.id)
})

async function leave(): Promise<void> {
  const { organisationId, owner } = world
  await removeMember(db, stays, { organisationId, personId: owner.personId })
}

async function readers(kind: string): Promise<string[]> {
  const rows = await db
    .selectFrom('letter')
    .select('toName')
    .where('kind', '=', kind)
    .where('thread', '=', ref)
    .execute()
  return rows.map(({ toName }) => toName)
}

test('another owner is asked and answers in place of a requester who left', async () => {
  await leave()
  await askCustomer(db, world.agent, ref, { revision: 1, message: 'Which data centre?' })
  expect(await readers('question')).toEqual(['Bea Owner'])
  await answerQuestion(db, stays, ref, { message: 'Frankfurt.' })
  expect((await findRotation(db, stays, ref))?.status).toBe('submitted')
})

test('another owner withdraws what a requester who left had filed', async () => {
  await leave()
  await withdrawRotation(db, stays, ref)
  expect((await findRotation(db, stays, ref))?.status).toBe('withdrawn')
  expect(await readers('withdrawn')).toEqual(['Bea Owner'])
})

test('another owner picks up, asks for more time and ends the old keys once the requester has left', async () => {
  await approveRotation(db, world.agent, ref, { revision: 1 })
  await carryOutAll(db)
  await leave()
  const item = (await findRotation(db, stays, ref))?.items[0]
  expect((await revealVersion(db, maker.sealer, stays, item?.newVersionId ?? '')).secret).toMatch(/^rk_/)
  const later = new Date((item?.overlapEndsAt?.getTime() ?? 0) + 86_400_000)
  await extendOverlap(db, stays, ref, { overlapEndsAt: later })
  await revokeEarly(db, stays, ref, {})
  await carryOutAll(db)
  expect((await findRotation(db, stays, ref))?.status).toBe('completed')
  expect(await readers('completed')).toEqual(['Bea Owner'])
})

test('what would go to the requester alone goes to the owners who are left', async () => {
  await leave()
  await rejectRotation(db, world.agent, ref, { revision: 1, reason: 'Nobody answers.' })
  expect(await readers('rejected')).toEqual(['Bea Owner'])
})

test('goes to the requester alone while they are there', async () => {
  await rejectRotation(db, world.agent, ref, { revision: 1, reason: 'Not this way.' })
  expect(await readers('rejected')).toEqual(['Ada Owner'])
})

test('whoever decides is told that the requester left', async () => {
  await leave()
  const rotation = await findRotation(db, { organisationId: null }, ref)
  if (rotation === undefined) throw new Error('it is gone')
  const facts = await findDecisionFacts(db, rotation, world.agent.personId)
  const shown = checks(rotation, facts, 'UTC', new Date())
  expect(shown).toContainEqual(expect.objectContaining({ fine: false, text: 'The requester left the organisation.' }))
})
