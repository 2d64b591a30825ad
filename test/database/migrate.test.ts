import { expect, test } from 'vitest'
import { createDb, createPool } from '../../src/database/connect.ts'
import { createMigrator, isMigrated, migrate } from '../../src/database/migrate.ts'
import { createLog } from '../../src/log.ts'
import { openEmptyDatabase, openTestDatabase } from '../support/database.ts'

const migrated = await openTestDatabase()
const empty = await openEmptyDatabase()
const otherEmpty = await openEmptyDatabase()

test('a database cloned from the template has every migration', async () => {
  const { db } = migrated
  expect(await isMigrated(db)).toBe(true)
  expect(await migrate(db)).toEqual([])
})

test('the migrations run from empty and may stop after each', async () => {
  const { db } = empty
  const migrator = createMigrator(db)
  const known = await migrator.getMigrations()
  for (const { name } of known) {
    const { error, results } = await migrator.migrateUp()
    expect(error).toBeUndefined()
    expect(results?.map((result) => [result.migrationName, result.status])).toEqual([[name, 'Success']])
    expect(await isMigrated(db)).toBe(name === known.at(-1)?.name)
  }
})

test('starters that migrate at the same moment all come through', async () => {
  const { db, url } = otherEmpty
  const others = [1, 2, 3].map(() =>
    createDb(createPool(url, createLog('warn'), { max: 2, statementMilliseconds: 20_000 })),
  )
  const applied = await Promise.all([db, ...others].map((each) => migrate(each)))
  expect(applied.flat()).toEqual((await createMigrator(db).getMigrations()).map(({ name }) => name))
  await Promise.all(others.map((each) => each.destroy()))
})
