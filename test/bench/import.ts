import { createHash } from 'node:crypto'
import { findImport } from '../../src/database/imports.ts'
import { carryOutImport } from '../../src/keyring/imports/carry-out.ts'
import { receiveImport } from '../../src/keyring/imports/receive.ts'
import { addService } from '../support/worlds/desk-world.ts'
import type { BenchWorld } from './world.ts'

const KEYS = 100_000
const SERVICES = 100
const BROKEN = 54_321

async function* fileOf(services: readonly string[]): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < KEYS; from += 1_000) {
    const lines = Array.from({ length: 1_000 }, (_, i) => {
      const line = from + i + 1
      const sha256 = line === BROKEN ? 'broken' : createHash('sha256').update(`imported ${line}`).digest('hex')
      return `${JSON.stringify({ serviceId: services[line % SERVICES], kind: 'auth', sha256, last4: 'abcd' })}\n`
    })
    yield Buffer.from(lines.join(''))
  }
}

/** How long a hundred thousand keys take from the first byte of the file to the last key, and the same file once more. */
export async function benchImport({ openDesk }: BenchWorld): Promise<string[]> {
  const { db, desk } = await openDesk('imports')
  const services: string[] = []
  for (let i = 0; i < SERVICES; i++) {
    services.push((await addService(db, desk.admin, desk.organisationId, `Import ${i}`)).id)
  }
  async function run(name: string): Promise<string> {
    const before = performance.now()
    const { id } = await receiveImport(db, desk.admin, { name, dryRun: false, stream: fileOf(services) })
    while (await carryOutImport(db, id));
    const seconds = (performance.now() - before) / 1000
    const done = await findImport(db, id)
    if (done === undefined) throw new Error('the import is gone')
    const broken = done.errors.map(({ line }) => line).join(', ')
    const megabytes = Math.round(process.memoryUsage().rss / 1_048_576)
    return `${name}: ${seconds.toFixed(1)} s, ${done.added} added, ${done.known} known, ${done.refused} refused (line ${broken}), ${megabytes} MiB resident`
  }
  return [await run(`import of ${KEYS} keys`), await run('the same again')]
}
