import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'

const SCRIPT = join(import.meta.dirname, 'processes/worker-process.ts')

/** Starts workers as processes of their own, with the options of `worker-process.ts`; none outlives the file. */
export function workersOn(databaseUrl: string): (...options: string[]) => ChildProcess {
  const running = new Set<ChildProcess>()
  afterAll(() => {
    for (const child of running) child.kill('SIGKILL')
  })
  return (...options) => {
    const child = spawn(process.execPath, [SCRIPT, '--database', databaseUrl, ...options], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }
}

export async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** Waits until something holds; says what did not when its time is over. */
export async function until(what: string, holds: () => Promise<boolean>, seconds = 10): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what} did not come about in ${seconds} s`)
    await sleep(20)
  }
}
