import { DatabaseError } from 'pg'

/** Whether the database refused a row because one with the same natural key is there (`index` names which). */
export function isUniqueViolation(error: unknown, index: string): boolean {
  return error instanceof DatabaseError && error.code === '23505' && error.constraint === index
}
