import { beforeAll, describe, expect, test } from 'vitest'
import { chooseTopics } from '../../src/identity/account/notifications.ts'
import { putLetters } from '../../src/outbox/letters.ts'
import { putNotices } from '../../src/outbox/notices.ts'
import { SAMPLES } from '../../src/outbox/samples/samples.ts'
import { isWanted, TOPICS } from '../../src/rules/letter-topics.ts'
import { MEMBER_ROLES, type PersonActor, type Role, STAFF_ROLES } from '../../src/rules/permissions.ts'
import { openTestDatabase } from '../support/database.ts'
import { addMember, type DeskWorld, file, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const ROLES: readonly Role[] = [...MEMBER_ROLES, ...STAFF_ROLES]
let world: DeskWorld
let reader: PersonActor

beforeAll(async () => {
  world = await makeDeskWorld(db)
  reader = await addMember(db, world.organisationId, 'viewer', 'Vic Viewer')
})

async function mutedOf(person: PersonActor): Promise<string[]> {
  const row = await db.selectFrom('person').select('mutedTopics').where('id', '=', person.personId).executeTakeFirst()
  return row?.mutedTopics ?? []
}

describe('with everything switched off', () => {
  test.each(ROLES)('a reader as %s is put exactly the letters that nobody can switch off', async (role) => {
    await chooseTopics(db, reader, TOPICS, [])
    await db.deleteFrom('letter').execute()
    await db.transaction().execute(async (trx) => {
      const letters = SAMPLES.map((content) => ({
        ...content,
        naturalKey: `${role}/${content.kind}`,
        to: { name: 'Vic', address: 'vic@acme.example' },
        reader: { personId: reader.personId, role },
        thread: null,
        at: new Date(),
      }))
      await putLetters(trx, letters)
    })
    const kinds = (await db.selectFrom('letter').select('kind').execute()).map((row) => row.kind)
    const fixed = SAMPLES.map(({ kind }) => kind).filter((kind) => isWanted(kind, role, TOPICS))
    expect(kinds.toSorted()).toEqual(fixed.toSorted())
    expect(kinds.length).toBeGreaterThan(0)
    expect(kinds.length).toBeLessThan(SAMPLES.length)
  })

  test('an owner still hears of a request in their organisation, an agent of none', async () => {
    for (const person of [world.owner, world.agent]) await chooseTopics(db, person, TOPICS, [])
    const ref = await file(db, world.owner, world.service.id)
    const letters = await db.selectFrom('letter').select(['kind', 'toName']).where('thread', '=', ref).execute()
    expect(letters).toContainEqual({ kind: 'received', toName: 'Ada Owner' })
    expect(letters.filter(({ toName }) => toName === 'Gus Agent')).toEqual([])
    expect(letters).toContainEqual({ kind: 'approval-needed', toName: 'Gia Agent' })
  })

  test('a security notice comes all the same', async () => {
    await db.transaction().execute(async (trx) => {
      const { personId, name } = world.owner
      const to = { personId, name, email: 'ada@acme.example', timeZone: 'UTC', why: 'the account is yours' }
      const facts = { notice: 'password_changed', key: '1', organisation: null, who: name, about: '' } as const
      await putNotices(trx, [to], { ...facts, path: '/', at: new Date() })
    })
    const notices = await db.selectFrom('letter').select('id').where('kind', '=', 'security-notice').execute()
    expect(notices.length).toBeGreaterThan(0)
  })
})

test('a choice is recorded once, and what was not offered stays as it was', async () => {
  await chooseTopics(db, reader, TOPICS, ['messages', 'trouble'])
  expect(await mutedOf(reader)).toEqual(['progress', 'reminders', 'decisions', 'digest'])
  await chooseTopics(db, reader, ['progress', 'messages'], ['progress'])
  await chooseTopics(db, reader, ['progress', 'messages'], ['progress', 'nonsense'])
  expect(await mutedOf(reader)).toEqual(['reminders', 'messages', 'decisions', 'digest'])
  const entries = await db
    .selectFrom('auditEntry')
    .select('body')
    .where('action', '=', 'person.choose_topics')
    .execute()
  const own = entries.filter(({ body }) => body.includes(reader.personId))
  expect(own.at(-1)?.body).toContain('"mutedTopics"')
  expect(new Set(own.map(({ body }) => body)).size).toBe(own.length)
})
