import { describe, expect, test } from 'vitest'
import { isPublicAddress, readWebhookUrl } from '../../src/rules/webhooks/addresses.ts'

/** Ways into a network that is not the caller's, each of which some guard was once fooled by. */
const REFUSED = [
  // what they are written as
  'http://example.com/',
  'ftp://example.com/',
  'file:///etc/passwd',
  'gopher://example.com/',
  'javascript:alert(1)',
  '//example.com/',
  'example.com',
  'https://',
  'https://user@example.com/',
  'https://user:password@example.com/',
  'https://example.com@10.0.0.1/',
  `https://example.com/${'x'.repeat(2_000)}`,
  // names that lead home
  'https://localhost/',
  'https://localhost./',
  'https://intranet/',
  'https://example.com./',
  // ports of other protocols
  'https://example.com:22/',
  'https://example.com:25/',
  'https://example.com:80/',
  // loopback in every notation
  'https://127.0.0.1/',
  'https://127.1/',
  'https://127.0.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://①②⑦.⓪.⓪.①/',
  'https://127。0。0。1/',
  'https://0.0.0.0/',
  'https://0/',
  'https://[::1]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::]/',
  // private, shared, link-local, metadata
  'https://10.0.0.1/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://3232235777/',
  'https://100.64.0.1/',
  'https://100.100.100.200/',
  'https://169.254.169.254/latest/meta-data/',
  'https://0xa9fea9fe/',
  'https://168.63.129.16/',
  'https://192.0.0.192/',
  'https://198.18.0.1/',
  'https://224.0.0.1/',
  'https://240.0.0.1/',
  'https://255.255.255.255/',
  'https://203.0.113.7/',
  'https://[fe80::1]/',
  'https://[fe80::1%25eth0]/',
  'https://[fc00::1]/',
  'https://[fd00:ec2::254]/',
  'https://[fec0::1]/',
  'https://[ff02::1]/',
  // IPv4 wrapped in IPv6
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:8.8.8.8]/',
  'https://[::ffff:a9fe:a9fe]/',
  'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b:1::a00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[2001:0:7f00:1::]/',
  'https://[2001:db8::1]/',
  'https://[100::1]/',
]

const TAKEN = [
  'https://example.com/',
  'https://example.com:443/hooks?a=b',
  'https://hooks.example.co.uk:8443/',
  'https://EXAMPLE.com/',
  'https://1.1.1.1/',
  'https://[2606:4700:4700::1111]/',
  'https://bücher.example/',
]

describe('an endpoint’s address', () => {
  test.each(REFUSED)('%s is refused', (url) => {
    expect(readWebhookUrl(url, [])).toBeNull()
  })

  test.each(TAKEN)('%s is taken', (url) => {
    expect(readWebhookUrl(url, [])).not.toBeNull()
  })

  test('the list above is as long as was promised', () => {
    expect(new Set(REFUSED).size).toBeGreaterThanOrEqual(40)
  })

  test('loses what no server is sent, and is kept in one notation', () => {
    expect(readWebhookUrl('HTTPS://Bücher.Example:443/a#b', [])?.url.href).toBe('https://xn--bcher-kva.example/a')
  })
})

describe('a host on the desk’s own list', () => {
  const list = ['intranet', '10.0.0.1:9000', '[::1]', 'Hooks.Example.com']

  test.each([
    'http://intranet/',
    'http://intranet:25/',
    'https://10.0.0.1:9000/',
    'http://[::1]:80/',
    'http://hooks.example.com/',
  ])('%s may be private, and without TLS', (url) => {
    expect(readWebhookUrl(url, list)).toMatchObject({ isAllowed: true })
  })

  test.each([
    'http://10.0.0.1/',
    'https://10.0.0.1:9001/',
    'http://a.intranet/',
    'http://intranet.example.com/',
    'http://[::2]/',
  ])('%s is another', (url) => {
    expect(readWebhookUrl(url, list)).toBeNull()
  })

  test('still may not carry a password', () => {
    expect(readWebhookUrl('http://user:password@intranet/', list)).toBeNull()
  })
})

test('what is no address is no public one', () => {
  for (const text of ['', 'example.com', '1.1.1', '1.1.1.1.1', '::g', 'fe80::1%eth0', '2606:4700::1%lo']) {
    expect(isPublicAddress(text)).toBe(false)
  }
})
