import type { LetterContent } from '../kinds/content.ts'
import { ROTATION_LETTER_KINDS } from '../kinds/names.ts'
import { OTHER_SAMPLES } from './others.ts'
import { sampleRotationFacts } from './rotation.ts'

/** One letter of each kind with made-up facts, for looking at them. */
export const SAMPLES: readonly LetterContent[] = [
  ...ROTATION_LETTER_KINDS.map((kind) => ({ kind, facts: sampleRotationFacts(kind) })),
  ...OTHER_SAMPLES,
]
