import { readConfig } from './config.ts'
import { createLog } from './log.ts'
import { runOnce } from './main.ts'
import { openDatabase } from './open-database.ts'

/** Brings the schema up to date and ends, for whoever wants that done before new programs start. */
await runOnce(async (signal) => {
  const config = readConfig()
  const log = createLog(config.logLevel)
  const database = await openDatabase(config, log, signal)
  log.info({ event: 'database.current' })
  await database.stop()
})
