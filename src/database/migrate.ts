import { promises as fs } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import type { Db } from './connect.ts'

const FOLDER = path.join(import.meta.dirname, '../../migrations')

export function createMigrator(db: Db): Migrator {
  return new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder: FOLDER }) })
}

/** Brings the schema up to date. Starters that come at the same moment wait for one another and find nothing left to do. */
export async function migrate(db: Db): Promise<string[]> {
  const { error, results } = await createMigrator(db).migrateToLatest()
  if (error !== undefined) throw error
  return (results ?? []).map((result) => result.migrationName)
}

/** Whether the database is there and has every migration that this program knows. */
export async function isMigrated(db: Db): Promise<boolean> {
  const { rows: tables } = await sql<{ there: boolean }>`
    select to_regclass('kysely_migration') is not null as there`.execute(db)
  if (tables[0]?.there !== true) return false
  const known = (await fs.readdir(FOLDER)).filter((file) => file.endsWith('.ts')).length
  const { rows } = await sql<{ count: string }>`select count(*) as count from kysely_migration`.execute(db)
  return Number(rows[0]?.count) >= known
}
