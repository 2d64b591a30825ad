import { createHash } from 'node:crypto'
import { newId } from '../../src/database/ids.ts'
import { recomputeNextMonth } from '../../src/desk/reports.ts'
import { monthOf } from '../../src/rules/text/months.ts'
import { hashToken } from '../../src/secrets/tokens.ts'
import { median } from './figures.ts'
import { fillWithRotations } from './many-rotations.ts'
import type { BenchWorld } from './world.ts'

const FEW = 1_000
const MANY = 100_000
const ROUNDS = 25

type Filled = { url: string; cookie: string; recomputeMilliseconds: number }

/** What is asked for on both desks. Names, references and last 4 are there on both. */
const month = monthOf(new Date(Date.now() - 60 * 86_400_000))
const PAGES: readonly (readonly [what: string, path: string])[] = [
  ['queue, needs decision', '/queue'],
  ['queue, needs decision, next page', 'next'],
  ['queue, waiting for customer', '/queue?view=waiting'],
  ['queue, running and failed', '/queue?view=running'],
  ['queue, overlap ending', '/queue?view=overlap'],
  ['queue, closed', '/queue?view=closed'],
  ['queue, assigned to me', '/queue?assignee=me'],
  ['queue, of an organisation, closed', '/queue?view=closed&organisation=org_bench3'],
  ['next to decide', '/queue/next'],
  ['search, a reference', '/queue?q=ROT-1000777'],
  ['search, an organisation', '/queue?q=Customer+7'],
  ['search, a person', '/queue?q=Person+4-1'],
  ['search, a service', '/queue?q=Service+4-3'],
  ['search, the last 4', `/queue?q=${createHash('md5').update('200-1').digest('hex').slice(0, 4)}`],
  ['search, what is in every name', '/queue?q=e'],
  ['search, nothing', '/queue?q=there+is+no+such+thing'],
  ['reports', '/reports'],
  ['reports, an organisation', '/reports?organisation=org_bench3'],
  ['behind a figure: filed', `/queue?view=all&filed=${month}`],
  ['behind a figure: failed', '/queue?view=all&failed=yes'],
  ['behind a figure: extended', `/queue?view=all&filed=${month}&extended=yes`],
]

async function openFilled(world: BenchWorld, name: string, rotations: number): Promise<Filled> {
  const { db, desk, databaseUrl } = await world.openDesk(name)
  await fillWithRotations(db, desk, rotations)
  const before = performance.now()
  let months = 0
  while (await recomputeNextMonth(db)) months += 1
  const recomputeMilliseconds = (performance.now() - before) / months
  const token = `bench-${name}`
  const now = new Date()
  const session = {
    id: newId('session'),
    tokenHash: hashToken(token),
    personId: desk.otherAgent.personId,
    formToken: 'x',
  }
  // Nobody is signed in without a code device.
  const device = { codeSeed: Buffer.alloc(32), codeSeedKeyId: 'none' }
  await db.updateTable('person').set(device).where('id', '=', session.personId).execute()
  const times = { createdAt: now, lastSeenAt: now, endsAt: new Date(now.getTime() + 3_600_000) }
  await db
    .insertInto('session')
    .values({ ...session, ...times, organisationId: null, complete: true })
    .execute()
  const url = await world.start('../../src/main.ts', { ROLES: 'web', DATABASE_URL: databaseUrl })
  return { url, cookie: `__Host-rekey=${token}`, recomputeMilliseconds }
}

async function fetchPage({ url, cookie }: Filled, path: string): Promise<{ text: string; milliseconds: number }> {
  const before = performance.now()
  const response = await fetch(url + path, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' })
  const text = await response.text()
  const milliseconds = performance.now() - before
  const toRotation = response.status === 303 && response.headers.get('location')?.startsWith('/rotations/')
  if (response.status !== 200 && !toRotation) throw new Error(`${path} answered ${response.status}`)
  return { text, milliseconds }
}

async function addressOf(desk: Filled, path: string): Promise<string> {
  if (path !== 'next') return path
  const { text } = await fetchPage(desk, '/queue')
  return /href="([^"]+)" rel="next"/.exec(text)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=') ?? '/queue'
}

/** The same pages on a desk with few rotations and one with many, in turns. */
export async function benchLists(world: BenchWorld): Promise<string[]> {
  const few = await openFilled(world, 'few', FEW)
  const many = await openFilled(world, 'many', MANY)
  const lines = [
    `with ${FEW} and with ${MANY} rotations, median of ${ROUNDS} calls in turns:`,
    `figures of one month made anew: ${few.recomputeMilliseconds.toFixed(0)} and ${many.recomputeMilliseconds.toFixed(0)} ms`,
  ]
  for (const [what, path] of PAGES) {
    const [fewPath, manyPath] = [await addressOf(few, path), await addressOf(many, path)]
    const times: { few: number[]; many: number[] } = { few: [], many: [] }
    for (let round = -3; round < ROUNDS; round++) {
      const one = await fetchPage(few, fewPath)
      const other = await fetchPage(many, manyPath)
      if (round < 0) continue
      times.few.push(one.milliseconds)
      times.many.push(other.milliseconds)
    }
    const [a, b] = [median(times.few), median(times.many)]
    lines.push(`${what}: ${a.toFixed(1)} and ${b.toFixed(1)} ms, ratio ${(b / a).toFixed(2)}`)
  }
  return lines
}
