import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fc, test as prop } from '@fast-check/vitest'
import { sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import { findImport } from '../../src/database/imports.ts'
import { findLeakedVersions } from '../../src/database/leaks.ts'
import { removeService } from '../../src/desk/trouble/remove-service.ts'
import { carryOutImport } from '../../src/keyring/imports/carry-out.ts'
import { receiveImport } from '../../src/keyring/imports/receive.ts'
import { MAX_LINE_CHARACTERS, readLine } from '../../src/rules/imports/lines.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import { addOrganisation, addService, type DeskWorld, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db, url } = await openTestDatabase()
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function bytes(text: string, size = text.length): AsyncIterable<Uint8Array> {
  const all = Buffer.from(text)
  return (async function* () {
    for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size)
  })()
}

async function received(text: string, { dryRun = false, size = 65_536 } = {}): Promise<string> {
  return (await receiveImport(db, world.admin, { name: 'keys', dryRun, stream: bytes(text, size) })).id
}

async function carryOutWhole(id: string) {
  while (await carryOutImport(db, id));
  const done = await findImport(db, id)
  if (done === undefined) throw new Error('there is no such import')
  return done
}

async function runImport(text: string, options = {}) {
  return carryOutWhole(await received(text, options))
}

function lineOf(serviceId: string, key: string, more: object = {}): string {
  return JSON.stringify({ serviceId, kind: 'auth', sha256: sha256(key), ...more })
}

function keysOf(serviceId: string) {
  return db
    .selectFrom('key')
    .innerJoin('version', 'version.keyId', 'key.id')
    .select(['key.name', 'key.kind', 'key.permission', 'version.last4', 'version.imported', 'version.sealed'])
    .where('serviceId', '=', serviceId)
    .where('imported', '=', true)
    .orderBy('key.kind', 'desc')
    .orderBy('key.name')
    .execute()
}

describe('an import', () => {
  test('adds a key for each line, known by its hash alone', async () => {
    const serviceId = await newService()
    const admin = JSON.stringify({ serviceId, kind: 'admin', sha256: sha256('two').toUpperCase() })
    const done = await runImport(`${lineOf(serviceId, 'one', { last4: 'gate', name: 'Gate' })}\n\n${admin}\n`)
    expect(done).toMatchObject({ status: 'finished', lines: 2, added: 2, known: 0, refused: 0, errors: [] })
    expect(await keysOf(serviceId)).toEqual([
      { name: 'Gate', kind: 'auth', permission: 'read_write', last4: 'gate', imported: true, sealed: null },
      { name: 'Admin key', kind: 'admin', permission: 'admin', last4: '', imported: true, sealed: null },
    ])
    expect(await findLeakedVersions(db, [Buffer.from(sha256('two'), 'hex')])).toHaveLength(1)
  })

  test('reads CSV with a header in any order, quotation marks, a byte order mark and Windows line ends', async () => {
    const serviceId = await newService()
    const csv = `\uFEFFkind,name,sha256,serviceId\r\nauth,"Ledger, ""old""",${sha256('csv 1')},${serviceId}\r\nadmin,,${sha256('csv 2')},${serviceId}\r\n`
    expect(await runImport(csv, { size: 7 })).toMatchObject({ lines: 2, added: 2, errors: [] })
    expect((await keysOf(serviceId)).map(({ name }) => name)).toEqual(['Ledger, "old"', 'Admin key'])
  })

  test('names each broken line by its number and adds the others', async () => {
    const serviceId = await newService()
    const removed = await newService()
    await removeService(db, world.owner, { serviceId: removed, confirmName: `Service ${count}` })
    const lines = [
      lineOf(serviceId, 'good'),
      '{"serviceId":',
      lineOf(removed, 'gone'),
      '',
      lineOf(serviceId, 'odd kind', { kind: 'root' }),
      lineOf(serviceId, 'extra', { colour: 'red' }),
      JSON.stringify({ serviceId, kind: 'auth', sha256: 'abc' }),
      lineOf(serviceId, 'last 4', { last4: 'much too long' }),
      lineOf(serviceId, 'name', { name: 'a\u202Eb' }),
      `"${'x'.repeat(MAX_LINE_CHARACTERS)}"`,
      lineOf(serviceId, 'NUL', { 'a\0\ud800': 1 }),
      lineOf(serviceId, 'good too'),
    ]
    const done = await runImport(lines.join('\n'), { size: 100 })
    expect(done).toMatchObject({ lines: 11, added: 2, refused: 9 })
    expect(done.errors).toEqual([
      { line: 2, problem: 'This is no well-formed JSON.' },
      { line: 3, problem: 'There is no such service.' },
      { line: 5, problem: 'kind is not “auth” or “admin”.' },
      { line: 6, problem: 'There is no field “colour”.' },
      { line: 7, problem: 'sha256 is not 64 hexadecimal digits.' },
      { line: 8, problem: 'last4 is not 1 to 4 visible characters.' },
      { line: 9, problem: 'name: Enter a name of 1 to 100 visible characters.' },
      { line: 10, problem: 'This line is longer than 4096 characters.' },
      { line: 11, problem: 'There is no field of another name.' },
    ])
  })

  test('names a broken row of a CSV by its line in the file', async () => {
    const serviceId = await newService()
    const rows = ['', 'serviceId,kind,sha256', `${serviceId},auth`, `${serviceId},"auth,${sha256('q')}`]
    const done = await runImport(rows.join('\n'))
    expect(done.errors).toEqual([
      { line: 3, problem: 'This row has 2 fields where the first has 3.' },
      { line: 4, problem: 'A quotation mark in this row is not closed, or stands where none may.' },
    ])
  })

  test.each([
    ['', 'The file is empty.'],
    ['\n\n', 'The file is empty.'],
    ['serviceId,kind', 'The first line names no column sha256.'],
    ['serviceId,kind,sha256,sha256', 'The first line names a column twice.'],
    ['serviceId,kind,sha256,colour', 'The first line names a column “colour”, which there is not.'],
  ])('of a file that is none is refused, and leaves nothing: %j', async (text, message) => {
    const before = await db.selectFrom('import').select('id').execute()
    const refused = await refusalOf(
      receiveImport(db, world.admin, { name: 'x', dryRun: false, stream: bytes(text, 9) }),
    )
    expect(refused.errors[0]?.message).toContain(message)
    expect(await db.selectFrom('import').select('id').execute()).toHaveLength(before.length)
  })

  test('again adds nothing, and says that all was there', async () => {
    const serviceId = await newService()
    const file = Array.from({ length: 2_500 }, (_, i) => lineOf(serviceId, `again ${i}`)).join('\n')
    expect(await runImport(file)).toMatchObject({ added: 2_500, known: 0 })
    expect(await runImport(file)).toMatchObject({ added: 0, known: 2_500, refused: 0 })
    expect(await keysOf(serviceId)).toHaveLength(2_500)
  })

  test('takes a hash that comes twice once, and refuses one that is another service’s', async () => {
    const [one, two] = [await newService(), await newService()]
    const file = [lineOf(one, 'twice'), lineOf(one, 'twice'), lineOf(two, 'twice')].join('\n')
    const done = await runImport(file)
    expect(done).toMatchObject({ added: 1, known: 1, refused: 1 })
    expect(done.errors).toEqual([{ line: 3, problem: 'This key is one of another service already.' }])
  })

  test('as a dry run counts the same and adds nothing, however far apart a hash comes twice', async () => {
    const serviceId = await newService()
    const keys = Array.from({ length: 1_500 }, (_, i) => `dry ${i % 1_200}`)
    const file = [...keys.map((key) => lineOf(serviceId, key)), '{}'].join('\n')
    const dry = await runImport(file, { dryRun: true })
    expect(dry).toMatchObject({ added: 1_200, known: 300, refused: 1, dryRun: true })
    expect(await keysOf(serviceId)).toEqual([])
    expect(await db.selectFrom('importHash').select('hash').execute()).toEqual([])
    expect(await runImport(file)).toMatchObject({ added: 1_200, known: 300, refused: 1 })
  })

  test('at the same moment as the same again, in whatever order, adds each key once', async () => {
    const serviceId = await newService()
    for (let round = 1; round <= 20; round += 1) {
      const lines = Array.from({ length: 300 }, (_, i) => lineOf(serviceId, `both ${round} ${i}`))
      const ids = [await received(lines.join('\n')), await received(lines.toReversed().join('\n'))]
      const done = await Promise.all(ids.map(carryOutWhole))
      expect(done.reduce((sum, { added }) => sum + added, 0)).toBe(300)
    }
    expect(await keysOf(serviceId)).toHaveLength(6_000)
    // with the two that every service has, so that none is left that nothing stands behind
    const all = await db.selectFrom('key').select('id').where('serviceId', '=', serviceId).execute()
    expect(all).toHaveLength(6_002)
  })

  test('tells each organisation’s audit trail what came in, and the desk’s of the whole', async () => {
    const other = await addOrganisation(db, 'Rivals')
    const theirs = (await addService(db, world.admin, other, 'Theirs')).id
    const done = await runImport([lineOf(await newService(), 'a'), lineOf(theirs, 'b'), lineOf(theirs, 'c')].join('\n'))
    const entries = await db.selectFrom('auditEntry').select(['chain', 'action', 'body']).execute()
    const told = entries.filter(({ body }) => body.includes(done.id)).map(({ chain, action }) => `${chain} ${action}`)
    const expected = [
      'desk import.finish',
      'desk import.start',
      `${other} key.import`,
      `${world.organisationId} key.import`,
    ]
    expect(told.toSorted()).toEqual(expected.toSorted())
  })

  test('keeps no key that is sent where its hash or its name belongs, not even until it is carried out', async () => {
    const serviceId = await newService()
    const key = 'rk_auth_live_CANARYcanaryCANARYcanaryCANARY12345678'
    const text = [lineOf(serviceId, 'n1', { name: key }), `{"sha256":"${key}"}`, `${key}`].join('\n')
    const { id } = await receiveImport(db, world.admin, { name: 'keys', dryRun: false, stream: bytes(text) })
    const waiting = await db.selectFrom('importChunk').select('content').where('importId', '=', id).execute()
    expect(waiting).toHaveLength(1)
    expect(JSON.stringify(waiting)).not.toContain('CANARY')
    while (await carryOutImport(db, id));
    const done = await findImport(db, id)
    expect(done).toMatchObject({ added: 0, refused: 3 })
    expect(JSON.stringify(done)).not.toContain('CANARY')
  })

  test('is for administrators', async () => {
    for (const actor of [world.owner, world.agent]) {
      const sent = { name: 'x', dryRun: true, stream: bytes('{}') }
      expect(await outcome(receiveImport(db, actor, sent))).toBe('NOT_ALLOWED')
    }
  })

  test('that fails is put off, and holds up no other', async () => {
    const serviceId = await newService()
    await sql`alter table key add constraint broken check (name <> 'Breaks')`.execute(db)
    const ids = [
      await received(lineOf(serviceId, 'broken', { name: 'Breaks' })),
      await received(lineOf(serviceId, 'sound')),
    ]
    await expect(carryOutImport(db)).rejects.toThrow('broken')
    while (await carryOutImport(db));
    const statuses = () => Promise.all(ids.map(async (id) => (await findImport(db, id))?.status))
    expect(await statuses()).toEqual(['running', 'finished'])

    await sql`alter table key drop constraint broken`.execute(db)
    for (const id of ids) await carryOutWhole(id)
    expect(await statuses()).toEqual(['finished', 'finished'])
  })

  test('whose file broke off is not carried out, and forgotten after an hour', async () => {
    const id = 'imp_broken'
    const startedAt = new Date(Date.now() - 30 * 60_000)
    await db.insertInto('import').values({ id, name: 'x', by: null, startedAt, dryRun: false }).execute()
    await db.insertInto('importChunk').values({ importId: id, line: 1, content: '{}' }).execute()
    expect(await carryOutImport(db, id)).toBe(false)
    await db
      .updateTable('import')
      .set({ startedAt: new Date(Date.now() - 3_700_000) })
      .where('id', '=', id)
      .execute()
    expect(await carryOutImport(db, id)).toBe(true)
    expect((await findImport(db, id))?.status).toBe('broken_off')
    expect(await db.selectFrom('importChunk').select('line').where('importId', '=', id).execute()).toEqual([])
  })

  test('whose file comes after it was given up is refused, and leaves no piece behind', async () => {
    const serviceId = await newService()
    async function* slow() {
      yield Buffer.from(`${lineOf(serviceId, 'too slow 1')}\n`)
      const startedAt = new Date(Date.now() - 3_700_000)
      await db.updateTable('import').set({ startedAt }).where('name', '=', 'slow').execute()
      while (await carryOutImport(db)) {
        // Whatever else is due goes first.
      }
      yield Buffer.from(lineOf(serviceId, 'too slow 2'))
    }
    const upload = { name: 'slow', dryRun: false, stream: slow() }
    expect(await outcome(receiveImport(db, world.admin, upload))).toBe('INVALID_REQUEST')
    const { id } = await db.selectFrom('import').select('id').where('name', '=', 'slow').executeTakeFirstOrThrow()
    expect((await findImport(db, id))?.status).toBe('broken_off')
    expect(await db.selectFrom('importChunk').select('line').where('importId', '=', id).execute()).toEqual([])
  })
})

const WORKER = new URL('../support/processes/import-process.ts', import.meta.url).pathname

test('a worker that is killed with -9 in the middle, again and again, leaves nothing out and adds nothing twice', async () => {
  const serviceId = await newService()
  const file = Array.from({ length: 8_000 }, (_, i) => lineOf(serviceId, `killed ${i}`)).join('\n')
  const { id } = await receiveImport(db, world.admin, { name: 'keys', dryRun: false, stream: bytes(file, 65_536) })
  let kills = 0
  while ((await findImport(db, id))?.status === 'running') {
    const worker = spawn(process.execPath, [WORKER, url, id], { stdio: ['ignore', 'pipe', 'inherit'] })
    const closed = once(worker, 'close')
    // It ends without a piece while the database has not noticed yet that the one before it is gone.
    await Promise.race([once(worker.stdout, 'data'), closed])
    await sleep(Math.random() * 40)
    if (worker.exitCode === null) kills += 1
    worker.kill('SIGKILL')
    await closed
  }
  expect(kills).toBeGreaterThan(0)
  expect(await findImport(db, id)).toMatchObject({ added: 8_000, known: 0, refused: 0 })
  expect(await keysOf(serviceId)).toHaveLength(8_000)
}, 90_000)

describe('a line of any kind', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .record({ serviceId: fc.string(), kind: fc.string(), sha256: fc.string(), name: fc.string() })
      .map((line) => JSON.stringify(line)),
  )
  const columns = fc.constantFrom(null, ['serviceId', 'kind', 'sha256'])
  prop.prop([texts, columns])('is a key, a problem in words or empty, and never throws', (text, header) => {
    const read = readLine(text, 7, header)
    if (read === null) expect(text.trim()).toBe('')
    else expect(read.line).toBe(7)
    if (read !== null && 'problem' in read) expect(() => JSON.parse(JSON.stringify(read.problem))).not.toThrow()
  })

  test('that the database could not keep is a problem of that line alone', async () => {
    const serviceId = await newService()
    const nasty = [
      '\0',
      '{"\\u0000":1}',
      '{"\\ud800":1}',
      `${lineOf(serviceId, 'x', { name: 'a\0b' })}`,
      '\uFFFE',
      '[]',
      '1',
    ]
    expect(
      await runImport(nasty.join('\n').padStart(400, `${lineOf(serviceId, 'first')}\n`.padEnd(300, ' '))),
    ).toMatchObject({
      status: 'finished',
    })
  })
})

test('nothing of all this broke an invariant', async () => {
  expect(await findViolations(db)).toEqual([])
})
