import { readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export type Postmaster = { pid: number; port: number; ready: boolean }

/** What the running (or crashed) postmaster of this folder wrote down, or undefined. */
export function readPostmaster(folder: string): Postmaster | undefined {
  try {
    const lines = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
  } catch {
    return undefined
  }
}

/** Whether the process is known to be none that works in this folder; unknown counts as working there. */
function isElsewhere(pid: number, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) !== folder
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' && process.platform === 'linux'
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is alive too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Whether a PostgreSQL runs in this folder. */
export function isInUse(folder: string): boolean {
  const postmaster = readPostmaster(folder)
  return postmaster !== undefined && isAlive(postmaster.pid) && !isElsewhere(postmaster.pid, folder)
}

/**
 * After a power cut another program may have the process number that the lock file names, and PostgreSQL, which looks
 * at the number alone, would refuse to start for ever. Its shared memory still guards against two at once.
 */
export function removeStaleLock(folder: string): boolean {
  const postmaster = readPostmaster(folder)
  if (postmaster === undefined || !isElsewhere(postmaster.pid, folder)) return false
  rmSync(join(folder, 'postmaster.pid'), { force: true })
  return true
}
