import type { App } from '../../context.ts'
import { addRecoveryCase } from './case.ts'
import { addEmergencyStop } from './emergency.ts'
import { addRecoveryCases } from './list.ts'
import { addLostAccess } from './lost-access.ts'
import { addNewRecoveryCase } from './new-case.ts'
import { addObjection } from './objection.ts'

/** How access that was lost is given back. */
export function addRecovery(app: App): void {
  for (const add of [
    addLostAccess,
    addRecoveryCases,
    addNewRecoveryCase,
    addRecoveryCase,
    addEmergencyStop,
    addObjection,
  ])
    add(app)
}
