import { beforeAll, expect, test } from 'vitest'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../src/desk/follow-ups/roll-back.ts'
import { remindNextDue } from '../../src/desk/mail/remind.ts'
import { completeTask } from '../../src/desk/tasks/tick.ts'
import { addDependant } from '../../src/keyring/dependants/add.ts'
import { readContent } from '../../src/outbox/letters.ts'
import { renderLetter } from '../../src/outbox/render.ts'
import { openTestDatabase } from '../support/database.ts'
import { addService, carryOutAll, type DeskWorld, fileAndApprove, makeDeskWorld } from '../support/worlds/desk-world.ts'
import { DAY, HOUR, letTimePass } from '../support/worlds/passing-time.ts'
import { readRotation } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

/** A rotation whose new keys were just made and picked up, of an Auth key that so many key management systems hold. */
async function running(systems = 1, overlapSeconds = 14 * 86_400): Promise<string> {
  count += 1
  const service = await addService(db, world.admin, world.organisationId, `Held ${count}`)
  const names = Array.from({ length: systems }, (_, i) => (i === 0 ? 'Ledger' : `Vault ${i}`))
  for (const name of names) await addDependant(db, world.owner, service.authKeyId, { type: 'kms', name })
  const ref = await fileAndApprove(db, world, service.id, { overlapSeconds })
  await carryOutAll(db)
  const made = db.selectFrom('item').select('newVersionId').where('rotationRef', '=', ref)
  const pickedUp = { revealedAt: new Date(), revealedBy: world.owner.personId, sealed: null, sealedKeyId: null }
  await db.updateTable('version').set(pickedUp).where('id', 'in', made).execute()
  return ref
}

async function remindAll(): Promise<void> {
  while (await remindNextDue(db));
}

const LETTERHEAD = { publicUrl: 'https://desk.example.com', mailReplyTo: undefined }

/** The newest letter of a kind about a rotation, as its reader gets it. */
async function letter(ref: string, kind: string) {
  const rows = await db
    .selectFrom('letter')
    .selectAll()
    .where('thread', '=', ref)
    .where('kind', '=', kind)
    .orderBy('id', 'desc')
    .execute()
  const [row] = rows
  if (row === undefined) return null
  const { subject, text, html } = renderLetter(readContent(row), row.toName, LETTERHEAD)
  const shown = html.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ')
  return { subject, text: text.replaceAll(/\s+/g, ' '), html: shown }
}

async function tickAll(ref: string): Promise<void> {
  for (const { tasks } of (await readRotation(db, ref)).items) {
    for (const { id } of tasks) await completeTask(db, world.owner, id)
  }
}

test('the letter that new keys are ready names what has to be given them', async () => {
  const told = await letter(await running(), 'new-keys-ready')
  expect(told?.text).toContain('To be given the new key still: Ledger (KMS)')
  expect(told?.html).toContain('To be given the new key still: Ledger (KMS)')
})

test('a reminder that old keys stop names the unfinished tasks, and asks for action while there are some', async () => {
  const open = await running()
  const done = await running()
  await tickAll(done)
  for (const ref of [open, done]) await letTimePass(db, ref, 7 * DAY + HOUR)
  await remindAll()
  const told = await letter(open, 'old-key-stops')
  expect(told?.subject).toContain('[Action needed]')
  for (const part of [told?.text, told?.html]) {
    expect(part).toContain('Not everything that must hold the very key was given the new one')
    expect(part).toContain('To be given the new key still: Ledger (KMS)')
  }
  const quiet = await letter(done, 'old-key-stops')
  expect(quiet?.subject).not.toContain('[Action needed]')
  expect(quiet?.text).not.toContain('To be given')
})

test('an hour before the end an unfinished task is reminded of, though the old key isn’t seen in use', async () => {
  const open = await running()
  const done = await running()
  await tickAll(done)
  for (const ref of [open, done]) await letTimePass(db, ref, 14 * DAY - HOUR / 2)
  await remindAll()
  expect((await letter(open, 'old-key-stops'))?.text).toContain('Ledger (KMS)')
  expect(await letter(done, 'old-key-stops')).toBeNull()
})

test('when the rotation is complete, its letter names what still holds the old key', async () => {
  const ref = await running()
  await revokeEarly(db, world.owner, ref, {})
  await carryOutAll(db)
  expect((await letter(ref, 'completed'))?.text).toContain('To be given the new key still: Ledger (KMS)')
})

test('after a rollback the letter names what has to be given the old key again, and nothing else', async () => {
  const given = await running()
  await tickAll(given)
  const untouched = await running()
  for (const ref of [given, untouched]) await rollBack(db, world.owner, ref)
  expect((await letter(given, 'rolled-back'))?.text).toContain('To be given the old key again: Ledger (KMS)')
  expect((await letter(untouched, 'rolled-back'))?.text).not.toContain('To be given')
})

test('of many tasks a letter names ten and counts the rest', async () => {
  const told = await letter(await running(12), 'new-keys-ready')
  expect(told?.text).toContain('Ledger (KMS), Vault 1 (KMS),')
  expect(told?.text).toContain('Vault 9 (KMS) and 2 more')
})
