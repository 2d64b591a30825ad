import type { PersonRow } from '../../database/people/people.ts'
import { MAX_PASSWORD_LENGTH, normalisePassword } from '../../rules/passwords.ts'
import { passwordMatches } from '../../secrets/passwords.ts'

/** Whether the person's account is neither disabled nor locked; they may still have no password and no code device. */
export function isOpen(person: Pick<PersonRow, 'disabledAt' | 'lockedAt'>): boolean {
  return person.disabledAt === null && person.lockedAt === null
}

/**
 * Whether it is the password of the stored hash; without one the answer takes as long. However long a text is sent, it
 * costs no more work than the longest password.
 */
export async function passwordIsRight(password: string, stored: string | null): Promise<boolean> {
  return passwordMatches(normalisePassword(password.slice(0, 4 * MAX_PASSWORD_LENGTH)), stored)
}
