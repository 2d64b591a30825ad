import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Log } from '../../log.ts'
import type { Account } from './account.ts'

/**
 * Runs PostgreSQL until the end of standard input, then shuts it down fast (SIGINT). The other end of that pipe closes
 * even when Rekey is killed, so no orphan stays. SIGTERM to the watcher ends it when PostgreSQL went first.
 */
const KEEPER = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
( read -r line <&3; kill -INT $server ) &
watcher=$!
exec 3<&-
wait $server
status=$?
kill $watcher 2>/dev/null
exit $status`

const STOP_MILLISECONDS = 20_000
const KEPT_LINES = 30

export type Server = {
  /** Settles when PostgreSQL has ended, by itself or by `stop`. */
  ended: Promise<void>
  hasEnded: () => boolean
  /** From now on, until it is stopped, what goes wrong in it is worth a warning. */
  noteServing: () => void
  /** The last lines it said. */
  lastLines: () => string
  stop: () => Promise<void>
}

/** Starts the process in a group of its own: Ctrl-C at the terminal must not reach it before open requests are finished. */
export function runServer(program: string, args: readonly string[], account: Account, log: Log): Server {
  const keeper = ['/bin/sh', '-c', KEEPER, 'sh', program, ...args]
  const [file = '', ...rest] = [...account.command, ...keeper]
  const child = spawn(file, rest, { ...account.ids, cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'pipe'] })
  const lines: string[] = []
  let serving = false
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line)
    if (lines.length > KEPT_LINES) lines.shift()
    const level = serving && / (FATAL|PANIC): /.test(line) ? 'warn' : 'debug'
    log[level]({ event: 'postgres.said', error: line })
  })
  child.stdin.on('error', () => {})
  let over = false
  const ended = once(child, 'close').then(
    () => {
      over = true
    },
    (error: unknown) => {
      over = true
      lines.push(String(error))
    },
  )
  async function stop(): Promise<void> {
    serving = false
    child.stdin.end()
    const impatience = setTimeout(() => {
      if (child.pid !== undefined && !over) process.kill(-child.pid, 'SIGQUIT')
    }, STOP_MILLISECONDS)
    await ended
    clearTimeout(impatience)
  }
  function noteServing(): void {
    serving = true
  }
  return { ended, hasEnded: () => over, noteServing, lastLines: () => lines.join('\n'), stop }
}
