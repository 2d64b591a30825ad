import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'
import { freePort, newFolder, startProgram } from '../support/program.ts'
import { makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db, url } = await openTestDatabase()

async function run(args: readonly string[]) {
  const settings = { dataDir: newFolder(), port: await freePort(), DATABASE_URL: url }
  const program = await startProgram('src/import.ts', settings, args)
  return { code: await program.ended, output: program.output() }
}

function fileOf(lines: readonly string[]): string {
  const file = join(newFolder(), 'keys.ndjson')
  writeFileSync(file, lines.join('\n'))
  return file
}

test('a file of keys is tried, imported, and imported again without adding anything', async () => {
  const world = await makeDeskWorld(db)
  const line = (key: number) => {
    const sha256 = createHash('sha256').update(`key ${key}`).digest('hex')
    return JSON.stringify({ serviceId: world.service.id, kind: 'admin', sha256 })
  }
  const file = fileOf([...Array.from({ length: 1_200 }, (_, i) => line(i)), '{"kind":"admin"}'])
  const tried = await run([file, '--dry-run'])
  expect(tried).toMatchObject({
    code: 1,
    output: expect.stringContaining('1200 would be added, 0 known already, 1 refused'),
  })
  expect(tried.output).toContain('line 1201: serviceId is not the id of a service.')
  expect(await run([file])).toMatchObject({ output: expect.stringContaining('1200 added, 0 known already, 1 refused') })
  const again = await run([fileOf([line(1), line(2)])])
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining('0 added, 2 known already, 0 refused') })
})

test('what it does not understand is told in one sentence', async () => {
  expect(await run([])).toMatchObject({ code: 1, output: expect.stringContaining('Usage: npm run import') })
  expect(await run(['/nowhere'])).toMatchObject({ code: 1, output: '/nowhere is no file that can be read.\n' })
  expect(await run([fileOf(['a,b'])])).toMatchObject({ code: 1, output: expect.stringContaining('names a column “a”') })
})
