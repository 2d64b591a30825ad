/** What the decision rests on to make a version anew whose secret was lost. */
export type Lost = {
  /** Whether it is the newest version of its key that has not ended. */
  isCurrent: boolean
  keyEnabled: boolean
  /** Whether the version before it is still accepted, so that nobody is left without a key. */
  overlapRuns: boolean
  /** Whether somebody has its secret: it was revealed, its age file acknowledged, or it was made elsewhere. */
  pickedUp: boolean
  fetched: boolean
  used: boolean
}

/**
 * Why a version may not be made anew, as a sentence, or null. During an overlap it always may, since the old key goes on working. Outside one
 * it is the only key there is: then only while nobody can be using it.
 */
export function reissueProblem(lost: Lost): string | null {
  if (!lost.isCurrent)
    return 'Only the newest version of a key that has not ended can be made anew. Request a rotation.'
  if (!lost.keyEnabled) return 'The key is disabled. Enable it first.'
  if (lost.overlapRuns) return null
  if (lost.pickedUp) {
    return 'This key was picked up and no older one works beside it, so making it anew would stop whatever uses it. Request a rotation with the reason that the key was lost.'
  }
  if (lost.fetched && lost.used) {
    return 'This key is in use, and no older one works beside it. Request a rotation with the reason that the key was lost.'
  }
  return null
}
