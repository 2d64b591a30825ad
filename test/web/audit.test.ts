import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { entryHash, GENESIS_HASH } from '../../src/rules/audit-chain.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import type { Enrolled } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
let ref: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { owner, agent } = world.people
  const items = [{ serviceId: world.place.serviceId, kinds: ['auth'] as const }]
  const filing = { items, reason: 'scheduled' as const, details: 'yearly', overlapSeconds: 86_400 }
  ref = (await submitRotation(desk.desk.db, owner.actor, filing)).ref
  await approveRotation(desk.desk.db, agent.actor, ref, { revision: 1, note: '=HYPERLINK("x")' })
  await work(desk)
})

function open(path: string, person: Enrolled) {
  const headers = { accept: 'text/html', cookie: `__Host-rekey=${person.sessionToken}` }
  return desk.call('GET', path, { headers })
}

const line = z.object({
  chain: z.string(),
  sequence: z.int(),
  body: z.string(),
  previousHash: z.string(),
  hash: z.string(),
})

async function exported(path: string, person: Enrolled) {
  const { text, status } = await open(path, person)
  expect(status).toBe(200)
  return text.trimEnd() === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((each) => line.parse(JSON.parse(each)))
}

describe('the audit trail', () => {
  test('shows a member their organisation’s entries and nobody else’s, whatever chain they ask for', async () => {
    const { owner, rival } = world.people
    const own = await open('/audit', owner)
    expect(own.text).toContain('rotation.submit')
    const foreign = await open(`/audit?chain=${world.place.organisationId}`, rival)
    expect(foreign.text).not.toContain('rotation.submit')
    const desks = await exported('/audit/export.jsonl?chain=desk', owner)
    expect(new Set(desks.map(({ chain }) => chain))).toEqual(new Set([world.place.organisationId]))
  })

  test('shows staff every chain, and one where they ask for it', async () => {
    const { admin } = world.people
    const all = await exported('/audit/export.jsonl', admin)
    expect(new Set(all.map(({ chain }) => chain)).size).toBe(3)
    const one = await exported('/audit/export.jsonl?chain=desk', admin)
    expect(new Set(one.map(({ chain }) => chain))).toEqual(new Set(['desk']))
  })

  test('is narrowed by what it is about, by person, rotation and day', async () => {
    const { admin } = world.people
    const bodies = async (query: string) =>
      (await exported(`/audit/export.jsonl?${query}`, admin)).map(({ body }) => JSON.parse(body))
    for (const body of await bodies('about=rotation')) expect(body.action).toMatch(/^rotation\./)
    const byAgent = await bodies('person=gus')
    expect(byAgent.length).toBeGreaterThan(0)
    for (const body of byAgent) expect(body.actor).toBe(world.people.agent.actor.personId)
    for (const query of [`rotation=${ref}`, `rotation=${ref.slice(4)}`]) {
      const found = await bodies(query)
      expect(found.length).toBeGreaterThan(3)
      for (const body of found) expect(body.rotation).toBe(ref)
    }
    const today = new Date().toISOString().slice(0, 10)
    expect((await bodies(`from=${today}&until=${today}`)).length).toBe((await bodies('')).length)
    expect(await bodies('until=2026-01-01')).toEqual([])
    expect(await bodies('from=2999-01-01')).toEqual([])
  })

  test('says which wish of the filter it does not understand, and keeps what was typed', async () => {
    const { status, text } = await open('/audit?from=tomorrow&rotation=abc&person=Ada', world.people.owner)
    expect(status).toBe(422)
    for (const words of ['Enter a date', 'A reference looks like', 'value="tomorrow"', 'value="Ada"']) {
      expect(text).toContain(words)
    }
  })

  test('goes on page by page without a gap or a repetition', async () => {
    const { agent } = world.people
    const seen: string[] = []
    let path: string | undefined = '/audit'
    while (path !== undefined) {
      const { text }: { text: string } = await open(path, agent)
      seen.push(...[...text.matchAll(/<code title="([0-9a-f]{64})">/g)].map(([, hash = '']) => hash))
      path = /href="([^"]+)" rel="next"/.exec(text)?.[1]?.replaceAll('&amp;', '&')
    }
    const all = await exported('/audit/export.jsonl', agent)
    expect(seen.slice(0, all.length)).toEqual(all.map(({ hash }) => hash))
  })

  test('exports what anybody can check by themselves: text, place and both hashes', async () => {
    const entries = (await exported('/audit/export.jsonl', world.people.owner)).toReversed()
    let hash: Buffer = GENESIS_HASH
    for (const entry of entries) {
      hash = entryHash(hash, entry.chain, entry.sequence, entry.body)
      expect(entry.hash).toBe(hash.toString('hex'))
    }
  })

  test('exports CSV in which nothing is a formula', async () => {
    const { text, headers } = await open('/audit/export.csv?about=rotation', world.people.agent)
    expect(headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(headers['content-disposition']).toMatch(/^attachment; filename="rekey-audit-\d{4}-\d\d-\d\d\.csv"$/)
    const lines = text.trimEnd().split('\r\n')
    expect(lines[0]).toBe('at,chain,sequence,action,who,person id,rotation,facts,hash')
    expect(lines.length).toBeGreaterThan(3)
    expect(text).not.toMatch(/(^|,)"?[=+@-]/m)
  })
})

describe('the evidence for a rotation', () => {
  test('tells who asked, who approved, the fingerprints of both keys, and which mails went out', async () => {
    const { text } = await open(`/rotations/${ref}/evidence`, world.people.agent)
    const versions = await desk.desk.db
      .selectFrom('version')
      .innerJoin('key', 'key.id', 'version.keyId')
      .select('version.hash')
      .where('key.id', '=', world.place.authKeyId)
      .execute()
    expect(versions).toHaveLength(2)
    for (const { hash } of versions) expect(text).toContain(hash.toString('hex'))
    for (const words of ['Ada Owner', 'Gus', 'rotation.approve', 'item.execute', 'new keys ready', 'not seen in use']) {
      expect(text).toContain(words)
    }
  })

  test('shows a member no address of the staff, and another organisation nothing', async () => {
    const { owner, rival, agent } = world.people
    const { text } = await open(`/rotations/${ref}/evidence`, owner)
    expect(text).toContain('ada@acme.example')
    expect(text).not.toContain(agent.email)
    expect((await open(`/rotations/${ref}/evidence`, agent)).text).toContain(agent.email)
    expect((await open(`/rotations/${ref}/evidence`, rival)).status).toBe(404)
  })
})
