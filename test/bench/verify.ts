import autocannon from 'autocannon'
import { median } from './figures.ts'
import type { BenchWorld } from './world.ts'

const ROUNDS = 3
const SECONDS = 4
const CONNECTIONS = 16

function call({ gatewayToken, secret }: BenchWorld) {
  const headers = { authorization: `Bearer ${gatewayToken}`, 'content-type': 'application/json' }
  return { method: 'POST', headers, body: JSON.stringify({ key: secret }) } as const
}

async function oneAfterTheOther(world: BenchWorld, url: string, calls: number): Promise<number[]> {
  const { method, headers, body } = call(world)
  const times: number[] = []
  for (let i = 0; i < calls; i++) {
    const before = performance.now()
    const response = await fetch(`${url}/v1/keys/verify`, { method, headers, body })
    await response.json()
    times.push(performance.now() - before)
    if (!response.ok) throw new Error(`verify answered ${response.status}`)
  }
  return times.toSorted((a, b) => a - b)
}

async function load(world: BenchWorld, url: string): Promise<{ perSecond: number; p99: number }> {
  const options = { ...call(world), url: `${url}/v1/keys/verify`, connections: CONNECTIONS, duration: SECONDS }
  const { requests, latency, non2xx, errors } = await autocannon(options)
  if (non2xx + errors > 0) throw new Error(`${non2xx} refused, ${errors} errors`)
  return { perSecond: requests.average, p99: latency.p99 }
}

/** Verify beside a handler that does nothing, in turns; the ratio holds though the machine is shared. */
export async function benchVerify(world: BenchWorld): Promise<string[]> {
  const rekey = await world.start('../../src/main.ts', { ROLES: 'web' })
  const bare = await world.start('bare-process.ts')
  await oneAfterTheOther(world, rekey, 500)
  const idle = await oneAfterTheOther(world, rekey, 2_000)
  const idleBare = await oneAfterTheOther(world, bare, 2_000)
  const ratios: number[] = []
  const rates: number[] = []
  const p99s: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const ours = await load(world, rekey)
    const theirs = await load(world, bare)
    ratios.push(ours.perSecond / theirs.perSecond)
    rates.push(ours.perSecond)
    p99s.push(ours.p99)
  }
  const p99 = (times: number[]) => times[Math.floor(times.length * 0.99)] ?? Number.NaN
  return [
    `verify, idle, one caller: median ${median(idle).toFixed(2)} ms, p99 ${p99(idle).toFixed(2)} ms`,
    `bare Hono handler, idle, one caller: median ${median(idleBare).toFixed(2)} ms`,
    `verify, ${CONNECTIONS} callers: ${Math.round(median(rates))} calls/s, p99 ${median(p99s)} ms`,
    `verify against a bare Hono handler, calls per second: ${median(ratios).toFixed(2)}`,
  ]
}
