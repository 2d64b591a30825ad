import type { App } from '../../context.ts'
import { addReissue } from './reissue.ts'
import { addSealedKey } from './sealed.ts'
import { addDeliverySettings } from './settings.ts'

/** How new keys reach their owners otherwise than by being shown once, and what is done when one was lost. */
export function addDelivery(app: App): void {
  for (const add of [addDeliverySettings, addSealedKey, addReissue]) add(app)
}
