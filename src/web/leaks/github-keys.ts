import { createPublicKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { errorFields, type Log } from '../../log.ts'
import { Refusal } from '../../rules/refusals.ts'

const TIME_LIMIT_MILLISECONDS = 5_000
const MAX_LIST_BYTES = 65_536
/** The list is asked for again when it is older than this, so that a key that GitHub takes back is not trusted for long. */
const FRESH_MILLISECONDS = 60 * 60_000
/** While GitHub can't be reached its keys are trusted no longer than this. */
const STALE_MILLISECONDS = 24 * 60 * 60_000
/** Whoever makes up key ids makes us ask GitHub no more often than this. */
const PAUSE_MILLISECONDS = 60_000

const keyList = z.object({ public_keys: z.array(z.object({ key_identifier: z.string(), key: z.string() })).max(100) })

/** The body as text, read no further than its limit. */
async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_LIST_BYTES) throw new Error('the list of keys is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** ECDSA on P-256 is all that GitHub signs with; a key of another kind is passed over. */
function readKey(pem: string): KeyObject | null {
  try {
    const key = createPublicKey(pem)
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : null
  } catch {
    return null
  }
}

async function fetchKeys(url: string): Promise<Map<string, KeyObject>> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(TIME_LIMIT_MILLISECONDS),
    redirect: 'error',
    headers: { accept: 'application/json', 'user-agent': 'Rekey' },
  })
  if (!response.ok) throw new Error(`the list of keys was answered with ${response.status}`)
  const list = keyList.parse(JSON.parse(await readBounded(response)))
  const keys = list.public_keys.map(({ key_identifier: id, key }) => [id, readKey(key)] as const)
  return new Map(keys.flatMap(([id, key]) => (key === null ? [] : [[id, key]])))
}

/** A look-up of GitHub's signing keys by their id; null when GitHub has none of that id. Refuses UNAVAILABLE while its list can't be read. */
export type FindGithubKey = (id: string) => Promise<KeyObject | null>

/**
 * Keeps GitHub's list of keys for an hour, and asks for it anew for an id that is not in it, once a minute at most; calls that arrive
 * together share one question. `now` in milliseconds.
 */
export function createGithubKeys(url: string, log: Log, now: () => number = Date.now): FindGithubKey {
  let keys = new Map<string, KeyObject>()
  let fetchedAt = Number.NEGATIVE_INFINITY
  let askedAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | null = null

  async function refresh(): Promise<void> {
    askedAt = now()
    try {
      keys = await fetchKeys(url)
      fetchedAt = now()
    } catch (error) {
      log.warn({ event: 'leaks.no_github_keys', ...errorFields(error) })
    }
  }

  return async (id) => {
    const age = now() - fetchedAt
    const wanted = age > FRESH_MILLISECONDS || !keys.has(id)
    if (wanted && (asking !== null || now() - askedAt >= PAUSE_MILLISECONDS)) {
      asking ??= refresh().finally(() => {
        asking = null
      })
      await asking
    }
    if (now() - fetchedAt > STALE_MILLISECONDS) {
      throw new Refusal('UNAVAILABLE', { detail: 'GitHub’s list of keys could not be read. Send it again later.' })
    }
    return keys.get(id) ?? null
  }
}
