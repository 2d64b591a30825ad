import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { CannotStart } from '../cannot-start.ts'
import type { Config } from '../config.ts'
import { removeEmbeddedPostgres } from '../database/embedded/remove.ts'

/** There while the sample world is being made: what it stands beside is no desk that anybody uses. */
const UNFINISHED = 'demo.unfinished'
export const INBOX_FOLDER = 'demo-inbox'

async function emptyDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('drop schema public cascade')
    await client.query('create schema public')
  } finally {
    await client.end()
  }
}

async function removeWorld({ dataDir, databaseUrl }: Config): Promise<void> {
  if (databaseUrl === undefined) await removeEmbeddedPostgres(dataDir)
  else await emptyDatabase(databaseUrl)
  for (const name of ['demo.json', INBOX_FOLDER, 'demo.log']) {
    await rm(join(dataDir, name), { recursive: true, force: true })
  }
}

/**
 * Takes away what an earlier demo left, when asked to or when its making was cut short; never a desk that was no demo.
 * Throws a sentence where it can't.
 */
export async function startOver(config: Config, fresh: boolean): Promise<void> {
  const has = (name: string) => existsSync(join(config.dataDir, name))
  const wasDemo = has('demo.json') || has(UNFINISHED)
  const isDesk = config.databaseUrl === undefined && has('postgres')
  if (isDesk && !wasDemo) {
    throw new CannotStart(`${config.dataDir} holds a desk that is no demo; set DATA_DIR to another folder.`)
  }
  if (wasDemo && (fresh || has(UNFINISHED))) await removeWorld(config)
  // From here on a start that is cut short leaves a sign, and the next one makes the world anew.
  if (!has('demo.json')) await writeFile(join(config.dataDir, UNFINISHED), '')
}

/** The world is whole from now on. */
export async function markFinished(dataDir: string): Promise<void> {
  await rm(join(dataDir, UNFINISHED), { force: true })
}
