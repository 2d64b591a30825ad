import { startEmbeddedPostgres } from '../../../src/database/embedded/start.ts'
import { createLog } from '../../../src/log.ts'

// A program of its own that holds the embedded PostgreSQL of a folder until it is killed or told to stop.
const postgres = await startEmbeddedPostgres(process.argv[2] ?? '', createLog('warn'))
process.stdout.write(`${postgres.url}\n`)
process.once('SIGTERM', () => postgres.stop())
