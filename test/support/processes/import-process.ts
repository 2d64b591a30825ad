import { createDb, createPool } from '../../../src/database/connect.ts'
import { carryOutImport } from '../../../src/keyring/imports/carry-out.ts'
import { createLog } from '../../../src/log.ts'

// Carries out one import, as a worker does, until it is finished or somebody kills it.
const [url = '', id = ''] = process.argv.slice(2)
const db = createDb(createPool(url, createLog('warn'), { max: 1, statementMilliseconds: 20_000 }))
while (await carryOutImport(db, id)) console.log('a piece')
await db.destroy()
