import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebContext } from './context.ts'

/** An upload on which nothing moves for this long is cut. */
const STALLED_MILLISECONDS = 15_000

const sockets = new WeakSet<Duplex>()

/** Lets this call take longer than others to send its body, as long as something comes. Only for whom we know. */
export function allowLongUpload(c: WebContext): void {
  const socket: Socket | undefined = c.env?.incoming?.socket
  if (socket === undefined) return
  sockets.add(socket)
  socket.setTimeout(STALLED_MILLISECONDS)
}

export function mayTakeLong(socket: Duplex): boolean {
  return sockets.has(socket)
}
