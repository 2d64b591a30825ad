import { createHash } from 'node:crypto'
import { reportLeaks } from '../../desk/leaks/report.ts'
import { carryOutImport } from '../../keyring/imports/carry-out.ts'
import { receiveImport } from '../../keyring/imports/receive.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Foundation } from '../../start.ts'
import { makeService } from './services.ts'

/** A key that a scanner found in public, and a file of keys that the customer had before there was this desk. */
export async function showLeakAndImport(desk: Foundation, owner: PersonActor, admin: PersonActor): Promise<void> {
  const { db, maker } = desk
  const leaking = await makeService(desk, owner, { name: 'Shop tills', environment: 'live' })
  const [key] = leaking.keys
  if (key === undefined) throw new Error('a key of the show is missing')
  const url = 'https://github.example/acme/shop/blob/main/.env'
  await reportLeaks(db, maker.prefix, [{ key: key.secret, source: 'GitHub, content', url }])
  const lines = ['Till 1', 'Till 2', 'Till 3'].map((name) => {
    const sha256 = createHash('sha256').update(`older key of ${name}`).digest('hex')
    return `${leaking.id},auth,${sha256},${name}\n`
  })
  const stream = (async function* () {
    yield Buffer.from(['serviceId,kind,sha256,name\n', ...lines, `${leaking.id},auth,not a hash,Till 4\n`].join(''))
  })()
  const { id } = await receiveImport(db, admin, { name: 'tills.csv', dryRun: false, stream })
  while (await carryOutImport(db, id));
}
