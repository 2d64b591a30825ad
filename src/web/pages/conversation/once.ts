import { createHash } from 'node:crypto'
import type { WebContext } from '../../context.ts'
import { oncePerDraft } from '../../forms/once.ts'

/**
 * Carries out once what a form asks for with these words; sent twice, it only leads to where the first one led. The same page sent with
 * other words, as after going back, is another matter.
 */
export function onceWritten(
  c: WebContext,
  ref: string,
  { draft, words }: { draft: string; words: string },
  run: () => Promise<void>,
): Promise<Response> {
  const fingerprint = createHash('sha256').update(words).digest('hex').slice(0, 16)
  const done = async () => c.redirect(`/rotations/${ref}#newest`, 303)
  return oncePerDraft(
    c,
    `${draft}-${fingerprint}`,
    async () => {
      await run()
      return done()
    },
    done,
  )
}
