import { expect, test } from 'vitest'
import { cleanRanges } from '../../src/rules/keys/addresses.ts'
import { networkOf, sourceNetworkOf } from '../../src/rules/networks.ts'

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:C000:0207', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
  ['::1', '::/64'],
  ['', ''],
  ['unknown', 'unknown'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['::1', '::/64'],
  ['10.0.0.255', '10.0.0.0/24'],
  ['300.1.1.1', null],
  ['not an address', null],
  ['', null],
])('a use from %s came from the network %s', (address, network) => {
  expect(sourceNetworkOf(address)).toBe(network)
})

test.each(['fe80::1%eth0', 'fe80::%1/64', '10.0.0.0/8/32', '10.0.0.1/'])('%s is no range', (text) => {
  expect(cleanRanges([text])).toHaveProperty('problem')
})
