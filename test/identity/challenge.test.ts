import { solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import { describe, expect, test } from 'vitest'
import { requestAccess } from '../../src/identity/recovery/request.ts'
import { challengeSecret, checkSolution, newChallenge } from '../../src/secrets/challenge.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome } from '../support/refusals.ts'

const { db } = await openTestDatabase()
const secret = challengeSecret(Buffer.alloc(32, 5))
let count = 0

async function solve(made = newChallenge(secret, 'lost-access', new Date())): Promise<string> {
  const challenge = await made
  const solution = await solveChallenge({ challenge, deriveKey })
  return Buffer.from(JSON.stringify({ challenge, solution })).toString('base64')
}

/** A request from a network and about an address of its own, so that no limit but the one looked at counts. */
function ask(solution: string | null, network = `198.51.${Math.floor(count / 250)}.${count % 250}`): Promise<string> {
  count += 1
  const proof = solution === null ? null : { secret, solution }
  return outcome(requestAccess(db, { email: `lost${count}@acme.example`, organisation: '', network, proof }))
}

function changed(
  solution: string,
  change: (sent: { challenge: { parameters: object; signature: string }; solution: object }) => void,
) {
  const sent = JSON.parse(Buffer.from(solution, 'base64').toString('utf8'))
  change(sent)
  return Buffer.from(JSON.stringify(sent)).toString('base64')
}

describe('the proof of work on the form for a lost access', () => {
  test('lets a request through once, also when it is sent 20 times at the same moment', async () => {
    const solution = await solve()
    const results = await Promise.all(Array.from({ length: 20 }, () => ask(solution)))
    expect(results.filter((result) => result === 'done')).toHaveLength(1)
    expect(new Set(results.filter((result) => result !== 'done'))).toEqual(new Set(['CHALLENGE_REJECTED']))
  })

  test('is of no use when it is wrong, forged, made easier, for something else or too old', async () => {
    const solution = await solve()
    const stranger = challengeSecret(Buffer.alloc(32, 6))
    const past = new Date(Date.now() - 21 * 60_000)
    const wrong = [
      'nonsense',
      Buffer.from('{}').toString('base64'),
      changed(solution, (sent) => Object.assign(sent.solution, { counter: 4_000_000_000 })),
      changed(solution, (sent) => Object.assign(sent.solution, { derivedKey: '00'.repeat(32) })),
      changed(solution, (sent) => Object.assign(sent.challenge.parameters, { cost: 1 })),
      changed(solution, (sent) => Object.assign(sent.challenge.parameters, { expiresAt: 4_000_000_000 })),
      changed(solution, (sent) => Object.assign(sent.challenge, { signature: 'ab'.repeat(32) })),
      await solve(newChallenge(stranger, 'lost-access', new Date())),
      await solve(newChallenge(secret, 'something else', new Date())),
      await solve(newChallenge(secret, 'lost-access', past)),
    ]
    for (const each of wrong) expect(await ask(each)).toBe('CHALLENGE_REJECTED')
    expect(await ask(solution)).toBe('done')
  })

  test('is remembered no longer than it could be used', async () => {
    await db
      .updateTable('spentChallenge')
      .set({ expiresAt: new Date(0) })
      .execute()
    expect(await ask(await solve())).toBe('done')
    expect(await db.selectFrom('spentChallenge').selectAll().execute()).toHaveLength(1)
  })

  test('fits the challenge that it was made for and no other', async () => {
    const [first, second] = [await solve(), await solve()]
    const a = await checkSolution(secret, 'lost-access', first)
    const b = await checkSolution(secret, 'lost-access', second)
    expect(a?.hash).not.toEqual(b?.hash)
  })
})

test('without JavaScript a stricter limit takes its place, and a proof gets past it', async () => {
  const network = '203.0.113.77'
  for (let i = 0; i < 3; i += 1) expect(await ask(null, network)).toBe('done')
  expect(await ask(null, network)).toBe('TOO_MANY_REQUESTS')
  expect(await ask(await solve(), network)).toBe('done')
})
