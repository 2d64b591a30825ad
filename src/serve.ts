import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { CannotStart } from './cannot-start.ts'

const FINISH_MILLISECONDS = 10_000
const POLL_MILLISECONDS = 50

const REASONS: Record<string, string> = {
  EADDRINUSE: 'is in use already; stop what runs there, or set PORT to another one',
  EACCES: 'may not be used by this account; set PORT to one above 1023',
  EADDRNOTAVAIL: 'is not on this machine; set HOST to one of its addresses',
}

/** Listens, or throws a sentence that says what to change. */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new CannotStart(`Port ${port} on ${host} ${REASONS[code] ?? `cannot be used (${code})`}.`, { cause: error })
  }
}

/** Takes no new connections, lets open requests finish for up to 10 s, and cuts what is open then. */
export async function finish(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve())).then(() => true)
  const deadline = Date.now() + FINISH_MILLISECONDS
  while (Date.now() < deadline) {
    // A kept-alive connection is idle again only after its answer; closing the server looks at them once.
    server.closeIdleConnections()
    if (await Promise.race([closed, sleep(POLL_MILLISECONDS, false)])) return
  }
  server.closeAllConnections()
  await closed
}
