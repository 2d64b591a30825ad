import { randomBytes } from 'node:crypto'
import { createSealer, type Sealer } from '../../src/secrets/sealing.ts'

/** A real sealer that tells how often something was opened with it: a code is looked at only after its seed was opened. */
export function createCountingSealer(): { sealer: Sealer; opened: () => number } {
  const inner = createSealer(randomBytes(32))
  let count = 0
  const sealer: Sealer = {
    seal: inner.seal,
    open(sealed, boundTo) {
      count += 1
      return inner.open(sealed, boundTo)
    },
  }
  return { sealer, opened: () => count }
}
