import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'

const SOCKETS = 200
const desk = await openDesk(await openTestDatabase())
const port = Number(new URL(desk.url).port)

type Slow = (socket: Socket) => () => void

/** Headers, or a body, a byte a second and never whole; or nothing at all. */
const HABITS: Record<string, Slow> = {
  silence: () => () => {},
  headers(socket) {
    socket.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`)
    return () => void socket.write('X: 1\r\n')
  },
  body(socket) {
    const head = ['POST /v1/keys/verify HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Content-Type: application/json']
    socket.write(`${head.join('\r\n')}\r\nContent-Length: 60000\r\n\r\n`)
    return () => void socket.write('x')
  },
}

/** Seconds until the server closes a connection that goes on like that. */
function secondsOpen(slow: Slow): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now()
    const socket = connect(port, '127.0.0.1')
    const tick = setInterval(slow(socket), 1_000)
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(tick)
      resolve((performance.now() - start) / 1000)
    })
    socket.resume()
  })
}

test.each(Object.entries(HABITS))(
  '200 slow clients (%s) are cut within 10 s, and the desk answers others meanwhile',
  async (_name, slow) => {
    const open = Array.from({ length: SOCKETS }, () => secondsOpen(slow))
    const start = performance.now()
    expect((await desk.call('GET', '/healthz')).status).toBe(200)
    expect(performance.now() - start).toBeLessThan(1_000)
    expect(Math.max(...(await Promise.all(open)))).toBeLessThan(10)
  },
)

const GONE = {
  headers: HABITS.headers,
  body: HABITS.body,
  form: sendPartOf('/sign-in', 'application/x-www-form-urlencoded'),
}

/** The head and a byte of a body that never ends. */
function sendPartOf(path: string, type: string): Slow {
  const head = [`POST ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Content-Type: ${type}`, 'Content-Length: 60000']
  return (socket) => {
    socket.write(`${head.join('\r\n')}\r\n\r\nx`)
    return () => {}
  }
}

test.each(Object.entries(GONE))(
  'a client that goes away in the middle (%s) is no error of ours',
  async (_name, slow) => {
    const socket = connect(port, '127.0.0.1')
    slow?.(socket)
    await new Promise((resolve) => setTimeout(resolve, 200))
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(desk.logged.filter((line) => /request\.(failed|database_away)/.test(line))).toEqual([])
  },
)
