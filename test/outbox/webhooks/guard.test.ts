import { get, setGlobalProxyFromEnv } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createAddressCheck, createUrlCheck, type Resolve } from '../../../src/outbox/webhooks/addresses.ts'
import { type Caller, callEndpoint } from '../../../src/outbox/webhooks/call.ts'
import { refusalOf } from '../../support/refusals.ts'
import { CERTIFICATE, startReceiver } from '../../support/webhook-receiver.ts'

const secure = await startReceiver('https')
const plain = await startReceiver('http')

beforeEach(() => {
  for (const receiver of [secure, plain]) {
    receiver.received.length = 0
    receiver.answer = (response) => response.writeHead(204).end()
  }
})

/** Calls as the sender does, with a list of the test's own and a name server that says what it is told. */
function callerWith(resolve: Resolve, allowed: string[] = [], changes: Partial<Caller> = {}): Caller {
  return { check: createAddressCheck(allowed, resolve), milliseconds: 1_000, ca: CERTIFICATE, ...changes }
}

const here: Resolve = async () => ['127.0.0.1']

function post(caller: Caller, url: string) {
  return callEndpoint(caller, { url, headers: { 'webhook-id': 'evt_1' }, body: '{}' })
}

describe('a host’s name', () => {
  test.each([
    ['to this machine', ['127.0.0.1']],
    ['to a private network', ['10.1.2.3']],
    ['to the metadata of a cloud', ['169.254.169.254']],
    ['to a public address and a private one', ['1.1.1.1', '192.168.0.1']],
    ['to a public address and a private IPv6 one', ['1.1.1.1', 'fd00::1']],
    ['to an address wrapped in another', ['::ffff:127.0.0.1']],
    ['nowhere', []],
  ])('that leads %s is refused when it is typed in', async (_name, addresses) => {
    const check = createUrlCheck(createAddressCheck([], async () => addresses))
    const refusal = await refusalOf(check('https://hooks.test/'))
    expect(refusal?.code).toBe('ADDRESS_REFUSED')
    // whoever typed it in learns no address of the desk's own network
    for (const address of addresses) expect(JSON.stringify(refusal?.errors)).not.toContain(address)
  })

  test('that leads to a public address is taken', async () => {
    const check = createUrlCheck(createAddressCheck([], async () => ['1.1.1.1', '2606:4700::1111']))
    expect(await check('https://Hooks.test:443/a')).toBe('https://hooks.test/a')
  })

  test('that leads elsewhere once it was taken is refused at the delivery: nothing is connected to', async () => {
    const answers = [['1.1.1.1'], ['127.0.0.1']]
    const rebinding: Resolve = async () => answers.shift() ?? ['127.0.0.1']
    const check = createAddressCheck([], rebinding)
    const url = `https://hooks.test:${secure.port}/`
    expect(await createUrlCheck(check)(url)).toBe(url)
    const result = await post({ check, milliseconds: 1_000, ca: CERTIFICATE }, url)
    expect(result).toMatchObject({ status: null, error: 'The host is not on the public internet.' })
    expect(secure.received).toEqual([])
  })

  test('is looked up once for each call, and the call goes to the very address that was looked at', async () => {
    let asked = 0
    // by the second answer it would lead to where nothing listens
    const fickle: Resolve = async () => (asked++ === 0 ? ['127.0.0.1'] : ['127.0.0.99'])
    const result = await post(callerWith(fickle, ['hooks.test']), `https://hooks.test:${secure.port}/`)
    expect([result.status, asked, secure.received.length]).toEqual([204, 1, 1])
  })

  test('whose name server is silent takes no longer than the call may', async () => {
    const silent: Resolve = () => new Promise(() => {})
    const start = performance.now()
    const result = await post(callerWith(silent), 'https://hooks.test/')
    expect(result.error).toBe('No answer within 1 seconds.')
    expect(performance.now() - start).toBeLessThan(1_500)
  })
})

describe('a certificate', () => {
  test('for another name is refused, though the address is right', async () => {
    const result = await post(callerWith(here, ['other.test']), `https://other.test:${secure.port}/`)
    expect(result).toMatchObject({ status: null, error: 'No answer: its certificate is for another name.' })
    expect(secure.received).toEqual([])
  })

  test('that nobody known has signed is refused', async () => {
    const { ca: _, ...usual } = callerWith(here, ['hooks.test'])
    const result = await post(usual, `https://hooks.test:${secure.port}/`)
    expect(result.error).toBe('No answer: its certificate is signed by nobody known.')
  })

  test('for an address is checked for that address', async () => {
    const result = await post(callerWith(here, ['127.0.0.1']), `https://127.0.0.1:${secure.port}/`)
    expect(result).toMatchObject({ status: 204, error: null })
  })
})

describe('an answer', () => {
  const url = () => `http://hooks.test:${plain.port}/`
  const caller = callerWith(here, ['hooks.test'])

  test('that never ends is cut at 64 KiB, and its status counts', async () => {
    let sent = 0
    plain.answer = (response) => {
      response.writeHead(200)
      const chunk = Buffer.alloc(16_384)
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    const start = performance.now()
    expect(await post(caller, url())).toMatchObject({ status: 200, error: null })
    expect(performance.now() - start).toBeLessThan(900)
    // what lies in the sockets' buffers was sent too, and read by nobody
    expect(sent).toBeLessThan(16_000_000)
  })

  test('that drips is cut when the time is over', async () => {
    plain.answer = (response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('.'), 50)
      response.once('close', () => clearInterval(timer))
    }
    const start = performance.now()
    expect((await post(caller, url())).status).toBe(200)
    expect(performance.now() - start).toBeLessThan(1_500)
  })

  test('with a head that is too large is none', async () => {
    plain.answer = (response) => response.writeHead(200, { 'x-large': 'x'.repeat(100_000) }).end()
    expect(await post(caller, url())).toMatchObject({ status: null, error: expect.stringMatching(/^No answer: /) })
  })

  test('of another protocol is none, nor is a connection that is closed or refused', async () => {
    const rude: Server = createServer((socket: Socket) => {
      socket.on('error', () => {})
      socket.once('data', (data) =>
        data.includes('/upgrade')
          ? socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
          : socket.destroy(),
      )
    })
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve))
    const address = rude.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const at = `http://hooks.test:${port}`
    expect((await post(caller, `${at}/upgrade`)).status).not.toBe(200)
    expect(await post(caller, `${at}/close`)).toMatchObject({ status: null, error: expect.stringMatching(/closed/) })
    await new Promise((resolve) => rude.close(resolve))
    expect((await post(caller, `${at}/refuse`)).error).toBe('No answer: it refused the connection.')
  })

  test('tells nobody what addresses the system names in its errors', async () => {
    const { error } = await post(
      callerWith(async () => ['127.0.0.99'], ['hooks.test']),
      'http://hooks.test:1/',
    )
    expect(error).not.toMatch(/127\.|:1\b/)
  })
})

test('no proxy of the environment is asked', async () => {
  const proxied: string[] = []
  const proxy = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (data) => {
      proxied.push(data.toString('latin1'))
      socket.destroy()
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const at = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const restore = setGlobalProxyFromEnv({ HTTP_PROXY: at, HTTPS_PROXY: at, NO_PROXY: '' })
  afterAll(() => {
    restore()
    proxy.close()
  })
  // the proxy is there for whoever asks the environment
  await new Promise((resolve) => get('http://example.test/').once('error', resolve))
  expect(proxied).toHaveLength(1)
  const caller = callerWith(here, ['hooks.test'])
  expect((await post(caller, `http://hooks.test:${plain.port}/`)).status).toBe(204)
  expect((await post(caller, `https://hooks.test:${secure.port}/`)).status).toBe(204)
  expect(proxied).toHaveLength(1)
})
