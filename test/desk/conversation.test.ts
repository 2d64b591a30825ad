import { beforeAll, describe, expect, test } from 'vitest'
import { findRotationEvents } from '../../src/database/audit/trail.ts'
import { findMessages } from '../../src/database/rotations/messages.ts'
import { findRotation } from '../../src/database/rotations/views.ts'
import { type Answer, answerQuestion } from '../../src/desk/conversation/answer.ts'
import { askCustomer } from '../../src/desk/conversation/ask.ts'
import { writeMessage, writeNote } from '../../src/desk/conversation/write.ts'
import { approveRotation, rejectRotation } from '../../src/desk/decide.ts'
import { expireNextUndecided } from '../../src/desk/expire.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import type { PersonActor } from '../../src/rules/permissions.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { outcome } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  addStaff,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const DAY = 86_400_000
const ROUNDS = 20
const SECRET = `rk_auth_live_${'x'.repeat(38)}`
let world: DeskWorld
let secondOwner: PersonActor
let developer: PersonActor
let viewer: PersonActor
let stranger: PersonActor
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  const { organisationId } = world
  secondOwner = await addMember(db, organisationId, 'owner', 'Olga Owner')
  developer = await addMember(db, organisationId, 'developer', 'Dev')
  viewer = await addMember(db, organisationId, 'viewer', 'Vic')
  stranger = await addMember(db, await addOrganisation(db, 'Rivals'), 'owner', 'Rex')
})

async function fileNew(filing: Parameters<typeof file>[3] = {}): Promise<string> {
  count += 1
  const service = await addService(db, world.admin, world.organisationId, `Talked about ${count}`)
  return file(db, world.owner, service.id, filing)
}

const ask = (ref: string, revision = 1, by = world.agent) =>
  askCustomer(db, by, ref, { revision, message: 'Which of your systems use it?' })
const answer = (ref: string, changes: Answer['changes'] = undefined, by = world.owner) =>
  answerQuestion(db, by, ref, { message: 'The shop alone.', changes })

async function fileAndAsk(filing: Parameters<typeof file>[3] = {}): Promise<string> {
  const ref = await fileNew(filing)
  await ask(ref)
  return ref
}

async function row(ref: string) {
  return db.selectFrom('rotation').selectAll().where('ref', '=', ref).executeTakeFirstOrThrow()
}

async function read(ref: string) {
  const rotation = await findRotation(db, { organisationId: null }, ref)
  if (rotation === undefined) throw new Error(`${ref} is not there`)
  return rotation
}

/** Who got letters of a kind about a rotation, by name. */
async function readers(ref: string, kind: string): Promise<string[]> {
  const letters = await db
    .selectFrom('letter')
    .select('toName')
    .where('thread', '=', ref)
    .where('kind', '=', kind)
    .orderBy('toName')
    .execute()
  return letters.map((letter) => letter.toName)
}

async function setDeadline(ref: string, inMilliseconds: number): Promise<void> {
  const nextDeadline = new Date(Date.now() + inMilliseconds)
  await db.updateTable('rotation').set({ nextDeadline }).where('ref', '=', ref).execute()
}

describe('asking', () => {
  test('puts the question to every owner, and the agents’ time stands still while the customer has 14 days', async () => {
    const ref = await fileNew()
    await setDeadline(ref, 3 * DAY)
    await ask(ref)
    const asked = await row(ref)
    expect(asked).toMatchObject({ status: 'needs_info', revision: 1, assigneeId: null })
    expect(Math.abs((asked.clockLeftSeconds ?? 0) - 3 * 86_400)).toBeLessThan(10)
    expect(Math.abs(Number(asked.nextDeadline) - Date.now() - 14 * DAY)).toBeLessThan(10_000)
    expect(await readers(ref, 'question')).toEqual(['Ada Owner', 'Olga Owner'])
    expect(await findMessages(db, world.owner, ref)).toMatchObject([{ kind: 'question', fromStaff: true }])
  })

  test('reminds the owners of it a week and a day before their time is over', async () => {
    const ref = await fileAndAsk()
    const { nextDeadline } = await row(ref)
    const reminders = await db
      .selectFrom('reminder')
      .select(['of', 'dueAt'])
      .where('rotationRef', '=', ref)
      .where('kind', '=', 'answer')
      .orderBy('dueAt')
      .execute()
    expect(reminders.map(({ of, dueAt }) => [of, (Number(of) - Number(dueAt)) / DAY])).toEqual([
      [nextDeadline, 7],
      [nextDeadline, 1],
    ])
  })

  test('is refused for a revision that was not seen, for who is not of the staff, and for what is not there', async () => {
    const ref = await fileNew()
    expect(await outcome(ask(ref, 2))).toBe('STALE_REVISION')
    expect(await outcome(ask(ref, 1, world.owner))).toBe('NOT_ALLOWED')
    expect(await outcome(ask('ROT-999999'))).toBe('NOT_FOUND')
    expect((await row(ref)).status).toBe('submitted')
  })

  test('is refused once a question is open or the rotation is decided', async () => {
    const ref = await fileAndAsk()
    expect(await outcome(ask(ref))).toBe('ILLEGAL_MOVE')
    const { id } = await addService(db, world.admin, world.organisationId, 'Decided already')
    expect(await outcome(ask(await fileAndApprove(db, world, id)))).toBe('ILLEGAL_MOVE')
  })

  test('is not for somebody of the staff who is a member of the organisation as well', async () => {
    const both = await addStaff(db, 'agent', 'Bo Both')
    const membership = { personId: both.personId, organisationId: world.organisationId, role: 'viewer' as const }
    await db
      .insertInto('membership')
      .values({ ...membership, createdAt: new Date() })
      .execute()
    expect(await outcome(ask(await fileNew(), 1, both))).toBe('OWN_ROTATION')
    await db.deleteFrom('membership').where('personId', '=', both.personId).execute()
  })

  test('refuses text that looks like a key and changes nothing', async () => {
    const ref = await fileNew()
    const leak = askCustomer(db, world.agent, ref, { revision: 1, message: `Is it ${SECRET}?` })
    expect(await outcome(leak)).toBe('CONTAINS_SECRET')
    expect(await row(ref)).toMatchObject({ status: 'submitted', firstResponseAt: null })
  })
})

describe('answering', () => {
  test('lets the agents’ time go on with what was left of it', async () => {
    const ref = await fileNew()
    await setDeadline(ref, 3 * DAY)
    await ask(ref)
    await answer(ref)
    const answered = await row(ref)
    expect(answered).toMatchObject({ status: 'submitted', clockLeftSeconds: null })
    expect(Math.abs(Number(answered.nextDeadline) - Date.now() - 3 * DAY)).toBeLessThan(10_000)
  })

  test('without a change keeps the revision and the approvals given', async () => {
    const ref = await fileNew({ overlapSeconds: 0 })
    await approveRotation(db, world.agent, ref, { revision: 1 })
    await ask(ref, 1, world.otherAgent)
    const { reason, details, overlapSeconds, notBefore } = await read(ref)
    await answer(ref, { reason, details, overlapSeconds, notBefore })
    expect(await read(ref)).toMatchObject({ revision: 1, approvals: [{ by: { name: 'Gus Agent' } }] })
    await approveRotation(db, world.otherAgent, ref, { revision: 1 })
    expect(await row(ref)).toMatchObject({ status: 'scheduled' })
  })

  test('with a change makes a new revision, voids the approvals and decides anew how many it needs', async () => {
    const ref = await fileNew({ overlapSeconds: 0, details: 'Yearly.' })
    await approveRotation(db, world.agent, ref, { revision: 1 })
    await ask(ref, 1, world.otherAgent)
    const notBefore = new Date(Date.now() + 5 * DAY)
    await answer(ref, { reason: 'lost', details: 'Lost on a train.', notBefore, overlapSeconds: 3_600 })
    expect(await read(ref)).toMatchObject({
      revision: 2,
      approvals: [],
      approvalsNeeded: 1,
      reason: 'lost',
      details: 'Lost on a train.',
      notBefore,
      overlapSeconds: 3_600,
    })
    expect(await outcome(approveRotation(db, world.otherAgent, ref, { revision: 1 }))).toBe('STALE_REVISION')
    await approveRotation(db, world.agent, ref, { revision: 2 })
    expect(await row(ref)).toMatchObject({ status: 'scheduled', nextDeadline: notBefore })
  })

  test('that makes it riskier asks for two approvals from then on', async () => {
    const ref = await fileAndAsk()
    await answer(ref, { overlapSeconds: 0 })
    expect(await read(ref)).toMatchObject({ revision: 2, approvalsNeeded: 2 })
  })

  test('can take a start back, so that it starts as soon as it is approved', async () => {
    const ref = await fileAndAsk({ notBefore: new Date(Date.now() + DAY) })
    await answer(ref, { notBefore: null })
    expect(await read(ref)).toMatchObject({ revision: 2, notBefore: null })
  })

  test('keeps what the request said before and after in the audit trail, and the words of the answer out of it', async () => {
    const ref = await fileAndAsk()
    await answer(ref, { overlapSeconds: 3_600 })
    const events = await findRotationEvents(db, world.owner, ref)
    expect(events.find((event) => event.action === 'rotation.answer')).toMatchObject({
      facts: { changed: ['overlapSeconds'], overlapSecondsBefore: 86_400, overlapSecondsAfter: 3_600, revision: 2 },
      message: { kind: 'answer', body: 'The shop alone.' },
    })
    const bodies = await db.selectFrom('auditEntry').select('body').where('rotation', '=', ref).execute()
    expect(JSON.stringify(bodies)).not.toContain('The shop alone.')
  })

  test('is for any owner and for nobody else, and not there for another organisation', async () => {
    const ref = await fileAndAsk()
    for (const actor of [developer, viewer, world.agent, world.admin]) {
      expect(await outcome(answer(ref, undefined, actor))).toBe('NOT_ALLOWED')
    }
    expect(await outcome(answer(ref, undefined, stranger))).toBe('NOT_FOUND')
    expect(await outcome(answer(ref, undefined, secondOwner))).toBe('done')
  })

  test('is refused when nothing was asked', async () => {
    expect(await outcome(answer(await fileNew()))).toBe('ILLEGAL_MOVE')
  })

  test('is refused for a question that is not the open one', async () => {
    const ref = await fileAndAsk()
    const [first] = await findMessages(db, world.owner, ref)
    await answer(ref)
    await ask(ref)
    const late = answerQuestion(db, secondOwner, ref, { message: 'To the first.', questionId: first?.id })
    expect(await outcome(late)).toBe('STALE_REVISION')
    expect(await row(ref)).toMatchObject({ status: 'needs_info' })
  })

  test.each([
    ['a start too far ahead', { notBefore: new Date(Date.now() + 91 * DAY) }, 'START_TOO_FAR'],
    ['details that hold a key', { details: SECRET }, 'CONTAINS_SECRET'],
  ])('refuses %s and leaves the question open', async (_what, changes, code) => {
    const ref = await fileAndAsk()
    expect(await outcome(answer(ref, changes))).toBe(code)
    expect(await row(ref)).toMatchObject({ status: 'needs_info', revision: 1 })
  })

  test('refuses an overlap in which a key would expire by itself', async () => {
    const ref = await fileAndAsk({ overlapSeconds: 3_600 })
    const keyIds = (await read(ref)).items.map((item) => item.keyId)
    const ownEnd = new Date(Date.now() + 2 * DAY)
    await db.updateTable('version').set({ ownEnd, acceptedUntil: ownEnd }).where('keyId', 'in', keyIds).execute()
    expect(await outcome(answer(ref, { overlapSeconds: 3 * 86_400 }))).toBe('EXPIRES_IN_OVERLAP')
    expect(await outcome(answer(ref, { overlapSeconds: 86_400 }))).toBe('done')
  })

  test('changes nothing while its owner is on hold, save that the key was leaked, and may be sent without a change', async () => {
    const held = await addMember(db, world.organisationId, 'owner', 'Hal Held')
    const changedAt = (at: Date | null) =>
      db.updateTable('person').set({ passwordChangedAt: at }).where('id', '=', held.personId).execute()
    await changedAt(new Date())
    const ref = await fileAndAsk()
    expect(await outcome(answer(ref, { overlapSeconds: 3_600 }, held))).toBe('ON_HOLD')
    expect(await outcome(answer(ref, { overlapSeconds: 86_400 }, held))).toBe('done')
    const leaked = await fileAndAsk()
    expect(await outcome(answer(leaked, { reason: 'compromised', overlapSeconds: 0 }, held))).toBe('done')
    expect(await read(leaked)).toMatchObject({ approvalsNeeded: 2 })
    await changedAt(null)
    await db.deleteFrom('membership').where('personId', '=', held.personId).execute()
  })

  test('goes to every agent who may decide, or to the one who looks after it', async () => {
    const open = await fileAndAsk()
    await answer(open)
    expect(await readers(open, 'answered')).toEqual(expect.arrayContaining(['Gia Agent', 'Gus Agent']))
    const assigned = await fileAndAsk()
    await db
      .updateTable('rotation')
      .set({ assigneeId: world.otherAgent.personId })
      .where('ref', '=', assigned)
      .execute()
    await answer(assigned)
    expect(await readers(assigned, 'answered')).toEqual(['Gia Agent'])
  })

  test('tells the other owners when it changes the request, and no owner otherwise', async () => {
    const same = await fileAndAsk()
    await answer(same)
    expect(await readers(same, 'message')).toEqual([])
    const changed = await fileAndAsk()
    await answer(changed, { overlapSeconds: 3_600 })
    expect(await readers(changed, 'message')).toEqual(['Olga Owner'])
  })
})

describe('messages', () => {
  test('of the staff go to the owners and the members who wrote, those of a member to the staff', async () => {
    const ref = await fileNew()
    await writeMessage(db, developer, ref, 'When will it start?')
    expect(await readers(ref, 'message')).toEqual(expect.arrayContaining(['Gia Agent', 'Gus Agent']))
    expect(await readers(ref, 'message')).not.toContain('Dev')
    await writeMessage(db, world.agent, ref, 'Tomorrow.')
    const told = await readers(ref, 'message')
    expect(told).toEqual(expect.arrayContaining(['Ada Owner', 'Olga Owner', 'Dev']))
    expect(told).not.toContain('Vic')
    expect(told.filter((name) => name === 'Gus Agent')).toHaveLength(1)
  })

  test('can be written at any time by whoever may, and by nobody else', async () => {
    const ref = await fileNew()
    await withdrawRotation(db, world.owner, ref)
    for (const actor of [world.owner, developer, world.agent, world.admin]) {
      expect(await outcome(writeMessage(db, actor, ref, 'Thanks.'))).toBe('done')
    }
    expect(await outcome(writeMessage(db, viewer, ref, 'Me too.'))).toBe('NOT_ALLOWED')
    expect(await outcome(writeMessage(db, stranger, ref, 'Hello?'))).toBe('NOT_FOUND')
    expect(await outcome(writeMessage(db, world.agent, ref, SECRET))).toBe('CONTAINS_SECRET')
    expect(await findMessages(db, world.owner, ref)).toHaveLength(4)
  })

  test('stay out of the audit chain, which names them by their id', async () => {
    const ref = await fileNew()
    const { messageId } = await writeMessage(db, world.owner, ref, 'Between ourselves.')
    const entries = await db.selectFrom('auditEntry').select('body').where('rotation', '=', ref).execute()
    expect(entries.map((entry) => entry.body).join()).toContain(messageId)
    expect(entries.map((entry) => entry.body).join()).not.toContain('Between ourselves.')
  })
})

describe('internal notes', () => {
  test('are seen by the staff and by no member: not among messages, events or their audit chain, and in no letter', async () => {
    const ref = await fileNew()
    const before = await db.selectFrom('letter').select('id').where('thread', '=', ref).execute()
    const { messageId } = await writeNote(db, world.agent, ref, 'Called back; sounds odd.')
    expect(await findMessages(db, world.otherAgent, ref)).toMatchObject([{ kind: 'note' }])
    const seen = await findRotationEvents(db, world.admin, ref)
    expect(seen.at(-1)).toMatchObject({ action: 'rotation.note', message: { body: 'Called back; sounds odd.' } })
    for (const actor of [world.owner, developer, viewer]) {
      expect(await findMessages(db, actor, ref)).toEqual([])
      expect(JSON.stringify(await findRotationEvents(db, actor, ref))).not.toMatch(/note|odd/)
    }
    const chain = await db.selectFrom('auditEntry').selectAll().where('chain', '=', world.organisationId).execute()
    expect(chain.map((entry) => entry.body).join()).not.toContain(messageId)
    expect(await db.selectFrom('letter').select('id').where('thread', '=', ref).execute()).toHaveLength(before.length)
  })

  test('are for the staff alone, and hold no key', async () => {
    const ref = await fileNew()
    for (const actor of [world.owner, developer, viewer, stranger]) {
      expect(await outcome(writeNote(db, actor, ref, 'Mine.'))).toBe('NOT_ALLOWED')
    }
    expect(await outcome(writeNote(db, world.agent, ref, SECRET))).toBe('CONTAINS_SECRET')
  })
})

describe('the first response', () => {
  const decisions: [string, (ref: string) => Promise<unknown>][] = [
    ['a question', (ref) => ask(ref)],
    ['a message', (ref) => writeMessage(db, world.agent, ref, 'We look at it.')],
    ['an approval', (ref) => approveRotation(db, world.agent, ref, { revision: 1 })],
    ['a rejection', (ref) => rejectRotation(db, world.agent, ref, { revision: 1, reason: 'No.' })],
  ]
  test.each(decisions)('is %s of the staff', async (_what, respond) => {
    const ref = await fileNew()
    await respond(ref)
    expect(Math.abs(Number((await row(ref)).firstResponseAt) - Date.now())).toBeLessThan(10_000)
  })

  test('is no note and no message of the customer, and stays when more is written', async () => {
    const ref = await fileNew()
    await writeNote(db, world.agent, ref, 'To do.')
    await writeMessage(db, world.owner, ref, 'Anybody?')
    expect((await row(ref)).firstResponseAt).toBeNull()
    await writeMessage(db, world.agent, ref, 'Yes.')
    const { firstResponseAt } = await row(ref)
    await ask(ref)
    expect((await row(ref)).firstResponseAt).toEqual(firstResponseAt)
  })
})

describe('at the same moment', () => {
  /** Both at once, twenty times, each on a rotation of its own; every outcome has to be one of those expected. */
  async function race(
    prepare: () => Promise<string>,
    calls: readonly ((ref: string) => Promise<unknown>)[],
    expected: readonly (readonly [status: string, ...outcomes: string[]])[],
  ): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const ref = await prepare()
      const outcomes = await Promise.all(calls.map((call) => outcome(call(ref))))
      const { status, revision } = await row(ref)
      expect(expected).toContainEqual([`${status} ${revision}`, ...outcomes])
    }
  }
  const withdraw = (ref: string) => withdrawRotation(db, world.owner, ref)

  test('a question and an approval: one of them wins, and the other is told', async () => {
    const approve = (ref: string) => approveRotation(db, world.otherAgent, ref, { revision: 1 })
    await race(
      fileNew,
      [ask, approve],
      [
        ['needs_info 1', 'done', 'ILLEGAL_MOVE'],
        ['scheduled 1', 'ILLEGAL_MOVE', 'done'],
      ],
    )
  })

  test('an answer and a withdrawal: nothing that was withdrawn comes back', async () => {
    await race(
      fileAndAsk,
      [(ref) => answer(ref), withdraw],
      [
        ['withdrawn 1', 'done', 'done'],
        ['withdrawn 1', 'ILLEGAL_MOVE', 'done'],
      ],
    )
  })

  test('an answer and the end of the time for it: one of them wins', async () => {
    const late = async () => {
      const ref = await fileAndAsk()
      await setDeadline(ref, -1_000)
      return ref
    }
    await race(
      late,
      [(ref) => answer(ref), () => expireNextUndecided(db)],
      [
        ['submitted 1', 'done', 'done'],
        ['expired 1', 'ILLEGAL_MOVE', 'done'],
      ],
    )
  })

  test('two answers, one with a change: one counts, and the revision is the one that it made', async () => {
    const change = (ref: string) => answer(ref, { overlapSeconds: 3_600 }, secondOwner)
    await race(
      fileAndAsk,
      [(ref) => answer(ref), change],
      [
        ['submitted 1', 'done', 'ILLEGAL_MOVE'],
        ['submitted 2', 'ILLEGAL_MOVE', 'done'],
      ],
    )
  })
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})
