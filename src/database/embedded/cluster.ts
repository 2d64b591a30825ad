import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Account } from './account.ts'
import { isInUse, readPostmaster } from './lock.ts'

const run = promisify(execFile)
const PASSWORD_FILE = 'rekey.password'

export type Cluster = { folder: string; password: string }

export function urlOf({ password }: Cluster, port: number, database: string): string {
  return `postgres://rekey:${password}@127.0.0.1:${port}/${database}`
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function initialise(folder: string, passwordFile: string, initdb: string, account: Account): Promise<void> {
  const options = ['--username=rekey', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
  // Its own collation, so that text sorts alike whatever locales the machine has.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const [file = '', ...rest] = [...account.command, initdb, `--pgdata=${folder}`, ...options, ...locale]
  await run(file, rest, { ...account.ids, cwd: '/' })
}

/** Made beside its final place and moved there whole, so that a half-made cluster never counts. */
async function createCluster(folder: string, initdb: string, account: Account): Promise<void> {
  const workshop = await mkdtemp(`${folder}.new-`)
  try {
    if (account.owner) await chown(workshop, account.owner.uid, account.owner.gid)
    const data = join(workshop, 'data')
    const passwordFile = join(workshop, PASSWORD_FILE)
    await writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 })
    if (account.owner) await chown(passwordFile, account.owner.uid, account.owner.gid)
    await initialise(data, passwordFile, initdb, account)
    await rename(passwordFile, join(data, PASSWORD_FILE))
    await rename(data, folder).catch(async (error: unknown) => {
      // Somebody else who started at the same moment was first.
      if (!(await exists(folder))) throw error
    })
  } finally {
    await rm(workshop, { recursive: true, force: true })
  }
}

async function giveTo(folder: string, account: Account): Promise<void> {
  const { uid } = await stat(folder)
  if (account.owner === null || account.owner.uid === uid) return
  await run('chown', ['-R', `${account.owner.uid}:${account.owner.gid}`, folder])
}

async function removeHalfMade(dataDir: string): Promise<void> {
  const hourAgo = Date.now() - 3_600_000
  for (const name of await readdir(dataDir)) {
    if (!name.startsWith('postgres.new-')) continue
    const path = join(dataDir, name)
    if ((await stat(path)).mtimeMs < hourAgo) await rm(path, { recursive: true, force: true })
  }
}

async function readCluster(folder: string): Promise<Cluster> {
  return { folder, password: await readFile(join(folder, PASSWORD_FILE), 'utf8') }
}

/** The address of the PostgreSQL that runs in `dataDir` right now, or null when none does. Throws when its password can't be read. */
export async function findRunningPostgres(dataDir: string): Promise<string | null> {
  const folder = join(await realpath(dataDir).catch(() => dataDir), 'postgres')
  const postmaster = isInUse(folder) ? readPostmaster(folder) : undefined
  return postmaster?.ready ? urlOf(await readCluster(folder), postmaster.port, 'rekey') : null
}

/** The cluster in `dataDir`/postgres, made on the first start; its password is kept inside, readable by its owner alone. */
export async function openCluster(dataDir: string, initdb: string, account: Account): Promise<Cluster> {
  await removeHalfMade(dataDir)
  const folder = join(dataDir, 'postgres')
  if (!(await exists(folder))) await createCluster(folder, initdb, account)
  await giveTo(folder, account)
  return readCluster(folder)
}
