import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { createDb, createPool } from '../../src/database/connect.ts'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { migrate } from '../../src/database/migrate.ts'
import { createLog } from '../../src/log.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The database that every test file clones; nobody may stay connected to it. */
    templateUrl: string
  }
}

// Nothing outlives the run, so nothing has to survive a power cut; a commit still survives a killed server.
const THROWAWAY = {
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  max_connections: '400',
  shared_buffers: '256MB',
}

async function makeTemplate(url: string): Promise<void> {
  const db = createDb(createPool(url, createLog('warn'), { max: 2, statementMilliseconds: 30_000 }))
  try {
    await migrate(db)
  } finally {
    await db.destroy()
  }
}

/** One throwaway cluster for the run, with a migrated template. It goes as a whole, so no test drops its database. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-test-'))
  const postgres = await startEmbeddedPostgres(folder, createLog('warn'), { settings: THROWAWAY })
  async function tearDown(): Promise<void> {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await makeTemplate(postgres.url)
  } catch (error) {
    await tearDown()
    throw error
  }
  project.provide('templateUrl', postgres.url)
  return tearDown
}
