import { roleMay } from '../../../rules/permissions.ts'
import { bearerOf, type WebContext } from '../../context.ts'

/** Whether a change of what the account rests on keeps its person from something for a while. */
export function wouldBeHeld(c: WebContext): boolean {
  const { role } = bearerOf(c).actor
  return roleMay(role, 'rotations.submit') || roleMay(role, 'versions.reveal')
}
