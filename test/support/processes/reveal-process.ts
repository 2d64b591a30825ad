import { createDb, createPool } from '../../../src/database/connect.ts'
import { revealVersion } from '../../../src/keyring/reveal.ts'
import { createLog } from '../../../src/log.ts'
import { maker } from '../worlds/desk-world.ts'

// Reveals a version and is killed between the commit and the answer: nobody ever sees the secret.
const [url = '', versionId = '', personId = '', organisationId = ''] = process.argv.slice(2)
const db = createDb(createPool(url, createLog('error'), { max: 1, statementMilliseconds: 5_000 }))
const owner = { kind: 'person', personId, name: 'Ada Owner', role: 'owner', organisationId } as const
await revealVersion(db, maker.sealer, owner, versionId)
process.kill(process.pid, 'SIGKILL')
