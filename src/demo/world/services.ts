import { findService } from '../../database/keys/services.ts'
import { revealVersion } from '../../keyring/reveal.ts'
import { createService } from '../../keyring/services.ts'
import type { Environment } from '../../rules/keys/key-text.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Foundation } from '../../start.ts'
import type { DemoService } from '../demo-file.ts'

export type NewDemoService = { name: string; environment: Environment; selfService?: boolean }

/** Makes a service as its owner does, and picks up the secrets of its first keys. */
export async function makeService(
  { db, maker }: Foundation,
  owner: PersonActor,
  input: NewDemoService,
): Promise<DemoService> {
  const { id } = await createService(db, maker, owner, input)
  const service = await findService(db, owner, id)
  if (service === undefined) throw new Error(`the service ${input.name} is not there`)
  const keys: DemoService['keys'] = []
  for (const key of service.keys) {
    for (const version of key.versions) {
      const { secret } = await revealVersion(db, maker.sealer, owner, version.id)
      keys.push({ id: key.id, kind: key.kind, secret })
    }
  }
  const { name, organisationId, environment, selfService } = service
  return { id, name, organisationId, environment, selfService, keys }
}
