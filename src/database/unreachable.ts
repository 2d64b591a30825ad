const NETWORK = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH']

// SQLSTATE: class 08 connection, 53 out of resources, 57P0x shutting down, 57014 cut off by a time limit, 55P03 lock
// time-out, 40001 and 40P01 lost against another transaction, 25P0x idle or transaction time-out, 25006 a standby that
// was promoted away.
const SQLSTATE = /^(08...|53...|57P0.|57014|55P03|40001|40P01|25P0[3-4]|25006)$/

// The pool and the client of pg tell these by text alone.
const TEXTS = [
  'connect ENOENT',
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Client has encountered a connection error',
  'Client was closed and is not queryable',
  'Query read timeout',
  'Cannot use a pool after calling end on the pool',
]

/**
 * Whether an error means that the database can't be reached or can't serve now, so that another try may well succeed.
 */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (NETWORK.includes(code) || SQLSTATE.test(code)) return true
  return TEXTS.some((text) => error.message.startsWith(text))
}
