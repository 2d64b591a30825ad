import { beforeAll, describe, expect, test } from 'vitest'
import { createGateway } from '../../src/keyring/gateways.ts'
import { verifyKey } from '../../src/keyring/verify.ts'
import { cleanRanges } from '../../src/rules/keys/addresses.ts'
import type { Demand } from '../../src/rules/keys/verdict.ts'
import { openTestDatabase } from '../support/database.ts'
import { makeDeskWorld } from '../support/worlds/desk-world.ts'
import { newKey } from '../support/worlds/keys.ts'

const { db, pool } = await openTestDatabase()
let ask: (demand: Demand) => Promise<string>
let key: { id: string; versionId: string }

beforeAll(async () => {
  const world = await makeDeskWorld(db)
  const made = await newKey(db, world.owner, world.service.id)
  const gateway = await createGateway(db, world.admin, { name: 'Everywhere' })
  const verifier = { pool, prefix: 'rk', recordUse: () => {} }
  key = made
  ask = async (demand) => (await verifyKey(verifier, gateway.token, { key: made.secret, ...demand })).code
})

const HOUR = 3_600_000
const past = () => new Date(Date.now() - HOUR)
const future = () => new Date(Date.now() + HOUR)

type KeyRow = {
  enabled: boolean
  ipRanges: string[]
  permission: 'read_only' | 'read_write' | 'admin'
  datasets: string[]
}
type VersionRow = Record<'activeFrom', Date> & Record<'acceptedUntil' | 'revokedAt' | 'rolledBackAt', Date | null>

async function store(ofKey: Partial<KeyRow>, ofVersion: Partial<VersionRow> = {}): Promise<void> {
  const plain: KeyRow = { enabled: true, ipRanges: [], permission: 'read_write', datasets: [] }
  const alive: VersionRow = { activeFrom: past(), acceptedUntil: null, revokedAt: null, rolledBackAt: null }
  await db
    .updateTable('key')
    .set({ ...plain, ...ofKey })
    .where('id', '=', key.id)
    .execute()
  await db
    .updateTable('version')
    .set({ ...alive, ...ofVersion })
    .where('id', '=', key.versionId)
    .execute()
}

/** The codes in the order of the contract, each with what brings it about. */
const CAUSES: readonly { code: string; key?: Partial<KeyRow>; version?: () => Partial<VersionRow>; demand?: Demand }[] =
  [
    { code: 'REVOKED', version: () => ({ revokedAt: past() }) },
    { code: 'ROLLED_BACK', version: () => ({ rolledBackAt: past() }) },
    { code: 'EXPIRED', version: () => ({ acceptedUntil: past() }) },
    { code: 'NOT_YET_ACTIVE', version: () => ({ activeFrom: future() }) },
    { code: 'DISABLED', key: { enabled: false } },
    { code: 'IP_NOT_ALLOWED', key: { ipRanges: ['192.0.2.0/24'] }, demand: { ip: '198.51.100.1' } },
    { code: 'PERMISSION_DENIED', key: { permission: 'read_only' }, demand: { permission: 'admin' } },
    { code: 'DATASET_DENIED', key: { datasets: ['orders'] }, demand: { dataset: 'people' } },
  ]

/** Every set of causes there is. */
const COMBINATIONS = Array.from({ length: 2 ** CAUSES.length }, (_, bits) => CAUSES.filter((_, i) => bits & (1 << i)))

describe('of everything that is wrong with a call, the code that stands first in the contract is answered', () => {
  test.each(COMBINATIONS.map((causes) => [causes.map(({ code }) => code).join(' ') || 'nothing', causes] as const))(
    '%s',
    async (_, causes) => {
      const stored = Object.assign({}, ...causes.map((cause) => cause.key ?? {}))
      await store(stored, Object.assign({}, ...causes.map((cause) => cause.version?.() ?? {})))
      const code = await ask(Object.assign({}, ...causes.map((cause) => cause.demand ?? {})))
      expect(code).toBe(causes[0]?.code ?? 'VALID')
    },
  )
})

const IN = 'VALID'
const OUT = 'IP_NOT_ALLOWED'
const MANY = ['192.0.2.7', '198.51.100.0/24', '2001:db8::/32']

const ADDRESSES: readonly (readonly [ranges: readonly string[], ip: string | undefined, code: string])[] = [
  [[], undefined, IN],
  [[], '192.0.2.1', IN],
  [[], '2001:db8::1', IN],
  [['192.0.2.1'], undefined, OUT],
  [['192.0.2.1'], '', OUT],
  [['192.0.2.1'], '192.0.2.1', IN],
  [['192.0.2.1'], '192.0.2.2', OUT],
  [['192.0.2.1'], '192.0.2.10', OUT],
  [['192.0.2.1/32'], '192.0.2.1', IN],
  [['192.0.2.1/32'], '192.0.2.0', OUT],
  [['192.0.2.0/31'], '192.0.2.1', IN],
  [['192.0.2.0/31'], '192.0.2.2', OUT],
  [['192.0.2.0/24'], '192.0.2.0', IN],
  [['192.0.2.0/24'], '192.0.2.255', IN],
  [['192.0.2.0/24'], '192.0.3.0', OUT],
  [['192.0.2.0/24'], '192.0.1.255', OUT],
  // the network of an address within it
  [['192.0.2.77/24'], '192.0.2.1', IN],
  [['10.0.0.0/8'], '10.255.255.255', IN],
  [['10.0.0.0/8'], '11.0.0.0', OUT],
  [['172.16.0.0/12'], '172.31.255.255', IN],
  [['172.16.0.0/12'], '172.32.0.0', OUT],
  // IPv4 written within IPv6, in each way of writing it
  [['192.0.2.0/24'], '::ffff:192.0.2.1', IN],
  [['192.0.2.0/24'], '::FFFF:192.0.2.1', IN],
  [['192.0.2.0/24'], '::ffff:c000:201', IN],
  [['192.0.2.0/24'], '0:0:0:0:0:ffff:192.0.2.1', IN],
  [['192.0.2.0/24'], '0000:0000:0000:0000:0000:ffff:c000:0201', IN],
  [['192.0.2.0/24'], '::ffff:198.51.100.1', OUT],
  [['192.0.2.0/24'], '::ffff:c633:6401', OUT],
  [['192.0.2.1'], '::ffff:192.0.2.1', IN],
  [['192.0.2.1'], '::ffff:192.0.2.2', OUT],
  [['::ffff:192.0.2.1'], '192.0.2.1', IN],
  [['::ffff:192.0.2.1'], '::ffff:192.0.2.1', IN],
  [['::ffff:192.0.2.1'], '192.0.2.2', OUT],
  [['::ffff:192.0.2.0/120'], '192.0.2.200', IN],
  [['::ffff:192.0.2.0/120'], '::ffff:192.0.2.200', IN],
  [['::ffff:192.0.2.0/120'], '192.0.3.1', OUT],
  [['::ffff:c000:200/120'], '192.0.2.200', IN],
  // what holds an IPv4 address in another way is another address
  [['192.0.2.0/24'], '::192.0.2.1', OUT],
  [['192.0.2.0/24'], '64:ff9b::192.0.2.1', OUT],
  [['192.0.2.0/24'], '2002:c000:201::1', OUT],
  [['192.0.2.0/24'], '2001:db8::1', OUT],
  [['2001:db8::/32'], '192.0.2.1', OUT],
  [['2001:db8::/32'], '::ffff:192.0.2.1', OUT],
  [['2001:db8::/32'], '2001:db8::1', IN],
  [['2001:db8::/32'], '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', IN],
  [['2001:db8::/32'], '2001:db9::1', OUT],
  [['2001:db8::/32'], '2001:0DB8:0::1', IN],
  [['2001:db8:0:0::/64'], '2001:db8::ffff', IN],
  [['2001:db8:0:0::/64'], '2001:db8:0:1::1', OUT],
  [['2001:db8::1'], '2001:db8::1', IN],
  [['2001:db8::1'], '2001:db8:0:0:0:0:0:1', IN],
  [['2001:db8::1'], '2001:db8::2', OUT],
  [['2001:db8::1/128'], '2001:db8::1', IN],
  [['2001:db8::/127'], '2001:db8::1', IN],
  [['2001:db8::/127'], '2001:db8::2', OUT],
  [['fe80::/16'], 'fe80::1', IN],
  [MANY, '192.0.2.7', IN],
  [MANY, '192.0.2.8', OUT],
  [MANY, '198.51.100.99', IN],
  [MANY, '::ffff:198.51.100.99', IN],
  [MANY, '2001:db8:1::1', IN],
  [MANY, '2001:db7::1', OUT],
  // what is no address, or is one only to a lenient reader, lies nowhere
  [['127.0.0.1'], 'localhost', OUT],
  [['127.0.0.1'], '127.1', OUT],
  [['127.0.0.1'], '0x7f.0.0.1', OUT],
  [['127.0.0.1'], '0177.0.0.1', OUT],
  [['127.0.0.1'], '2130706433', OUT],
  [['8.0.0.0/8'], '010.0.0.1', OUT],
  [['10.0.0.0/8'], '010.0.0.1', OUT],
  [['192.0.2.1'], ' 192.0.2.1', OUT],
  [['192.0.2.1'], '192.0.2.1:443', OUT],
  [['192.0.2.1'], '192.0.2.1, 198.51.100.1', OUT],
  [['192.0.2.1'], '192.0.2.1/32', OUT],
  [['192.0.2.0/24'], '192.0.2.256', OUT],
  [['192.0.2.0/24'], '192.0.2', OUT],
  [['2001:db8::/32'], '[2001:db8::1]', OUT],
  [['2001:db8::/32'], '2001:db8::g', OUT],
  [['2001:db8::/32'], '2001:db8:::1', OUT],
]

describe('ranges', () => {
  test.each(ADDRESSES)('%j and a call from %s: %s', async (ranges, ip, code) => {
    const cleaned = cleanRanges(ranges)
    await store({ ipRanges: 'ranges' in cleaned ? cleaned.ranges : ['the ranges were refused'] })
    expect(await ask(ip === undefined ? {} : { ip })).toBe(code)
  })
})

const PERMISSIONS = [
  ['read_only', undefined, 'VALID'],
  ['read_only', 'read_only', 'VALID'],
  ['read_only', 'read_write', 'PERMISSION_DENIED'],
  ['read_only', 'admin', 'PERMISSION_DENIED'],
  ['read_write', undefined, 'VALID'],
  ['read_write', 'read_only', 'VALID'],
  ['read_write', 'read_write', 'VALID'],
  ['read_write', 'admin', 'PERMISSION_DENIED'],
  ['admin', undefined, 'VALID'],
  ['admin', 'read_only', 'VALID'],
  ['admin', 'read_write', 'VALID'],
  ['admin', 'admin', 'VALID'],
] as const

test.each(PERMISSIONS)('a key that may %s, asked for %s: %s', async (permission, wanted, code) => {
  await store({ permission })
  expect(await ask(wanted === undefined ? {} : { permission: wanted })).toBe(code)
})

const DATASETS: readonly (readonly [datasets: string[], wanted: string | undefined, code: string])[] = [
  [[], undefined, 'VALID'],
  [[], 'orders', 'DATASET_DENIED'],
  [['orders'], undefined, 'VALID'],
  [['orders'], 'orders', 'VALID'],
  [['orders'], 'Orders', 'DATASET_DENIED'],
  [['orders'], 'order', 'DATASET_DENIED'],
  [['orders'], 'orders2', 'DATASET_DENIED'],
  [['orders'], '', 'DATASET_DENIED'],
  [['orders', 'people'], 'people', 'VALID'],
  [['orders', 'people'], 'orders,people', 'DATASET_DENIED'],
  [['Café'], 'Café', 'VALID'],
  [['Café'], 'Cafe\u0301', 'VALID'],
  [['Café'], 'Cafe', 'DATASET_DENIED'],
]

test.each(DATASETS)('a key for the datasets %j, asked for %s: %s', async (datasets, wanted, code) => {
  await store({ datasets })
  expect(await ask(wanted === undefined ? {} : { dataset: wanted })).toBe(code)
})

test('the tables above have at least 300 cases', () => {
  const all = [COMBINATIONS, ADDRESSES, PERMISSIONS, DATASETS]
  expect(all.reduce((sum, cases) => sum + cases.length, 0)).toBeGreaterThanOrEqual(300)
})
