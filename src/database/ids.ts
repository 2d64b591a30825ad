import { randomBytes } from 'node:crypto'

const PREFIXES = {
  organisation: 'org',
  person: 'per',
  invitation: 'inv',
  session: 'ses',
  personalToken: 'tok',
  gateway: 'gwy',
  service: 'svc',
  key: 'key',
  version: 'ver',
  item: 'itm',
  followUp: 'fup',
  letter: 'let',
  message: 'msg',
  cannedAnswer: 'can',
  recoveryCase: 'rcv',
  accessRequest: 'acc',
  dataset: 'dst',
  dependant: 'dep',
  task: 'tsk',
  suspicion: 'sus',
  permissionReview: 'rev',
  leakReport: 'lkr',
  import: 'imp',
  proposal: 'pro',
  webhookEndpoint: 'whe',
  webhookSecret: 'whs',
  webhookEvent: 'evt',
  webhookDelivery: 'whd',
} as const

/** An opaque id: a prefix that tells the kind, then 26 characters, the time first so that new rows lie side by side. */
export function newId(kind: keyof typeof PREFIXES): string {
  const time = Date.now().toString(36).padStart(9, '0')
  const chance = BigInt(`0x${randomBytes(11).toString('hex')}`)
    .toString(36)
    .padStart(17, '0')
  return `${PREFIXES[kind]}_${time}${chance.slice(-17)}`
}
