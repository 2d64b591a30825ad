import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const person = z.object({
  email: z.string(),
  name: z.string(),
  password: z.string(),
  totpSecret: z.string(),
  role: z.enum(['owner', 'developer', 'viewer', 'agent', 'admin']),
  /** The organisation's name; null for staff. */
  organisation: z.string().nullable(),
  organisationId: z.string().nullable(),
  apiToken: z.string(),
})
const service = z.object({
  id: z.string(),
  name: z.string(),
  organisationId: z.string(),
  environment: z.enum(['live', 'sandbox']),
  selfService: z.boolean(),
  keys: z.array(z.object({ id: z.string(), kind: z.enum(['auth', 'admin']), secret: z.string() })),
})
const world = z.object({
  people: z.array(person),
  gatewayToken: z.string(),
  /** Free of live rotations, for whoever tries things. */
  services: z.array(service),
  /** What the simulated client of the show calls with; leave these alone. */
  show: z.object({ gatewayToken: z.string(), keys: z.array(z.string()) }),
  /** The first organisation's, received by the demo itself; worlds made before there were any have none. */
  webhook: z.object({ id: z.string(), secret: z.string() }).optional(),
})

export type DemoPerson = z.infer<typeof person>
export type DemoService = z.infer<typeof service>
export type World = z.infer<typeof world>
/** The world, and where this start serves it. */
export type DemoFile = World & { baseUrl: string; databaseUrl: string; smtpUrl: string }

const NAME = 'demo.json'

/** The world that an earlier start wrote down, or undefined. */
export async function readWorld(dataDir: string): Promise<World | undefined> {
  try {
    return world.parse(JSON.parse(await readFile(join(dataDir, NAME), 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Written whole or not at all, and readable by its owner alone: it holds secrets. */
export async function writeDemoFile(dataDir: string, content: DemoFile): Promise<void> {
  const path = join(dataDir, NAME)
  await rm(`${path}.part`, { force: true })
  await writeFile(`${path}.part`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.part`, path)
}
