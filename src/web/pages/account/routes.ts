import type { App } from '../../context.ts'
import { addCodeDevice } from './code-device.ts'
import { addEmail } from './email.ts'
import { addNewToken } from './new-token.ts'
import { addNotifications } from './notifications.ts'
import { addPassword } from './password.ts'
import { addPasswordReset } from './password-reset.ts'
import { addRecoveryCodes } from './recovery-codes.ts'
import { addRecoverySignIn } from './recovery-sign-in.ts'
import { addSecurity } from './security.ts'
import { addTimeZone } from './time-zone.ts'
import { addTokens } from './tokens.ts'

/** What people do for their own account. */
export function addAccount(app: App): void {
  for (const add of [addSecurity, addPassword, addEmail, addCodeDevice, addRecoveryCodes]) add(app)
  for (const add of [addPasswordReset, addRecoverySignIn]) add(app)
  for (const add of [addTokens, addNewToken, addTimeZone, addNotifications]) add(app)
}
