import type { KeyView, ServiceView } from '../../../database/keys/services.ts'
import type { WebContext } from '../../context.ts'
import { dependantSection } from '../dependants/section.ts'
import { useSection } from '../watch/key-section.ts'

type KeyOnPage = { key: KeyView; service: ServiceView }

/** What else a key's page shows, each section under a name of its own, which the template has a partial for. */
export const SECTIONS: readonly ((c: WebContext, shown: KeyOnPage) => Promise<Record<string, unknown>>)[] = [
  useSection,
  dependantSection,
]
