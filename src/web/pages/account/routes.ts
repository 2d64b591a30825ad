import type { App } from '../../context.ts'
import { addNewToken } from './new-token.ts'
import { addTimeZone } from './time-zone.ts'
import { addTokens } from './tokens.ts'

/** What people do for their own account. */
export function addAccount(app: App): void {
  for (const add of [addTokens, addNewToken, addTimeZone]) add(app)
}
