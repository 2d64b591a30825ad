import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<'argon2id', Argon2Parameters, Buffer>(argon2)
// OWASP password storage: 19 MiB, two passes, one lane.
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }
const AT_ONCE = 4

let running = 0
const waiting: (() => void)[] = []

/** At most four at once: more would only take memory and the thread pool from the rest of the desk. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
}

function encode(salt: Buffer, tag: Buffer): string {
  const plain = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${plain(salt)}$${plain(tag)}`
}

/** Argon2id (RFC 9106) in the PHC string format. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  return encode(salt, await inTurn(() => derive('argon2id', { ...COST, message: password, nonce: salt })))
}

const NO_ONE = encode(randomBytes(16), randomBytes(32))

/** Whether the password is the one. Without a stored hash it works as long, so that the time tells nothing. */
export async function passwordMatches(password: string, stored: string | null): Promise<boolean> {
  const parts = (stored ?? NO_ONE).split('$')
  const cost = new Map((parts[3] ?? '').split(',').map((pair) => [pair.slice(0, 1), Number(pair.slice(2))]))
  const salt = Buffer.from(parts[4] ?? '', 'base64')
  const expected = Buffer.from(parts[5] ?? '', 'base64')
  const actual = await inTurn(() =>
    derive('argon2id', {
      message: password,
      nonce: salt,
      memory: cost.get('m') ?? COST.memory,
      passes: cost.get('t') ?? COST.passes,
      parallelism: cost.get('p') ?? COST.parallelism,
      tagLength: expected.length,
    }),
  )
  return timingSafeEqual(actual, expected) && stored !== null
}
