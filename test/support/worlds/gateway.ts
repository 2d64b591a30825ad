import { z } from 'zod'
import { findService } from '../../../src/database/keys/services.ts'
import { createGateway } from '../../../src/keyring/gateways.ts'
import { revealVersion } from '../../../src/keyring/reveal.ts'
import type { TestDesk } from '../web.ts'
import type { Enrolled } from './people.ts'

/** A gateway of the vendor's: the verdict on a key, asked over the wire. */
export async function openGateway(desk: TestDesk, admin: Enrolled): Promise<(key: string) => Promise<string>> {
  const { token } = await createGateway(desk.desk.db, admin.actor, { name: 'edge' })
  return async (key) => {
    const headers = { authorization: `Bearer ${token}` }
    const { json } = await desk.call('POST', '/v1/keys/verify', { headers, body: { key } })
    return z.object({ code: z.string() }).parse(json).code
  }
}

/** The first secrets of a new service by kind, as its owner picked them up long ago. */
export async function pickUpFirst(
  desk: TestDesk,
  owner: Enrolled,
  serviceId: string,
): Promise<{ auth: string; admin: string }> {
  const { db, sealer } = desk.desk
  const service = await findService(db, owner.actor, serviceId)
  async function secretOf(kind: 'auth' | 'admin'): Promise<string> {
    const version = service?.keys.find((key) => key.kind === kind)?.versions[0]
    return (await revealVersion(db, sealer, owner.actor, version?.id ?? '')).secret
  }
  return { auth: await secretOf('auth'), admin: await secretOf('admin') }
}
