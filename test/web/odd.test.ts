import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'

const desk = await openDesk(await openTestDatabase())
const port = Number(new URL(desk.url).port)
const HOST = `Host: 127.0.0.1:${port}`
const JSON_TYPE = 'Content-Type: application/json'

/** What comes back for bytes as they are, until the server closes. */
function sendRaw(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', () => resolve(answer))
    socket.write(text)
  })
}

function sendLines(...lines: string[]): Promise<string> {
  return sendRaw(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`)
}

function expectStatus(answer: string, status: number): void {
  expect(answer.split('\r\n')[0]).toContain(` ${status} `)
  expect(answer.toLowerCase()).toContain("content-security-policy: default-src 'none'")
  expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff')
}

describe('what no browser sends', () => {
  test.each([
    ['an unknown method', 405, ['PROPFIND /v1/me HTTP/1.1', HOST]],
    ['TRACE', 405, ['TRACE / HTTP/1.1', HOST]],
    ['no method at all', 400, ['FOO / HTTP/1.1', HOST]],
    ['a preflight from elsewhere', 405, ['OPTIONS /v1/me HTTP/1.1', HOST, 'Origin: https://evil.example']],
    ['a lone percent sign', 404, ['GET /% HTTP/1.1', HOST]],
    ['a broken escape in an id', 401, ['GET /v1/services/%ff HTTP/1.1', HOST]],
    ['a NUL in an asset', 404, ['GET /assets/%00 HTTP/1.1', HOST]],
    ['a backslash in the path', 400, ['GET /a\\b HTTP/1.1', HOST]],
    ['an absolute address elsewhere', 421, ['GET http://evil.example/ HTTP/1.1', 'Host: evil.example']],
    ['two hosts', 421, ['GET / HTTP/1.1', HOST, 'Host: evil.example']],
    ['no host', 400, ['GET / HTTP/1.1', 'Accept: */*']],
    ['an old protocol', 400, ['GET / HTTP/1.0', 'Accept: */*']],
    ['a path of 20 000 characters', 431, [`GET /${'a'.repeat(20_000)} HTTP/1.1`, HOST]],
    ['a NUL in a cookie', 400, ['GET /v1/me HTTP/1.1', HOST, 'Cookie: __Host-rekey=\u0000']],
    ['a broken escape in a cookie', 401, ['GET /v1/me HTTP/1.1', HOST, 'Cookie: __Host-rekey=%ff']],
    ['a length that is none', 400, ['POST /v1/keys/verify HTTP/1.1', HOST, JSON_TYPE, 'Content-Length: abc']],
    ['two lengths', 400, ['POST / HTTP/1.1', HOST, 'Content-Length: 2', 'Transfer-Encoding: chunked']],
    ['an expectation', 417, ['POST /v1/keys/verify HTTP/1.1', HOST, JSON_TYPE, 'Expect: x', 'Content-Length: 0']],
  ])('%s is answered %i, with the headers', async (_says, status, lines) => {
    expectStatus(await sendLines(...lines), status)
  })

  test('nonsense is answered 400', async () => {
    expectStatus(await sendRaw('nonsense\r\n\r\n'), 400)
  })

  test('broke nothing', () => {
    expect(desk.logged.filter((line) => line.includes('request.failed'))).toEqual([])
  })
})
