import type { Db } from '../../../src/database/connect.ts'
import { addRefusedUses } from '../../../src/database/watch/merge.ts'
import { weighNextUse } from '../../../src/keyring/watch/weigh.ts'

/** Something suspicious about a version: it was used after its end, as gateways would tell. Answers its id. */
export async function makeSuspicious(db: Db, versionId: string): Promise<string> {
  const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000)
  await addRefusedUses(db, [{ versionId, code: 'EXPIRED', network: '198.51.100.0/24', minute, count: 3 }])
  while (await weighNextUse(db));
  const raised = db.selectFrom('suspicion').select('id').where('versionId', '=', versionId)
  return (await raised.executeTakeFirstOrThrow()).id
}
