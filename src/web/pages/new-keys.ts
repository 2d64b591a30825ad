import { z } from 'zod'
import { findService } from '../../database/keys/services.ts'
import { findAccountChanges } from '../../database/people/owners.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import { revealVersion } from '../../keyring/reveal.ts'
import { holdLetsPickUp, holdUntil } from '../../rules/hold.ts'
import { type PersonActor, roleMay } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { confirmWithCode, needsCode } from '../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../forms/form.ts'
import { firstKeysOfService, firstOfKey, type NewKeys, newKeysOfRotation } from '../shown/new-keys.ts'
import { showPage } from '../shown/page.ts'
import { shownTime } from '../shown/times.ts'
import { keyOf } from './keys/key.ts'
import { mayPickUp } from './pick-up.ts'
import { rotationOf } from './rotation.ts'

/** Keys to pick up, and the rotation that made them; null for the first ones of a service. */
type Offered = NewKeys & { madeBy: RotationView | null }

const wish = z.object({ versionId: z.string(), code: z.string().optional() })

/** Until when whoever looks may pick nothing up, unless two agents approved these for a leak; said before they take out their code. */
async function findPickUpHold(c: WebContext, madeBy: RotationView | null) {
  const { actor, timeZone } = bearerOf(c)
  const changes = await findAccountChanges(c.get('desk').db, actor.personId)
  const until = holdUntil(changes, new Date())
  return until === null || holdLetsPickUp(changes, madeBy) ? null : { until: shownTime(until, timeZone) }
}

async function showList(c: WebContext, { label, href, keys, madeBy }: Offered, problems?: Problems): Promise<Response> {
  if (keys.length === 0) throw new Refusal('ILLEGAL_MOVE', { detail: 'The new keys are not made yet.' })
  const waiting = keys.find((key) => key.waits && key.sealedHref === null)
  const hold = waiting === undefined ? null : await findPickUpHold(c, madeBy)
  const first = hold === null ? waiting : undefined
  return showPage(c, 'new-keys', {
    title: 'Get the new keys',
    label,
    href,
    keys: keys.map((key) => ({
      ...key,
      first: key === first,
      offered: key.waits && key.sealedHref === null && hold === null,
    })),
    anyWaiting: waiting !== undefined,
    allSealed: keys.every((key) => key.sealedHref !== null),
    nothingLeft: !keys.some((key) => key.waits),
    mayReissue: roleMay(bearerOf(c).actor.role, 'versions.reissue'),
    hold,
    askCode: first !== undefined && (await needsCode(c)),
    ...(problems === undefined ? {} : { problems }),
  })
}

/** The secret is in the answer to this POST and nowhere else; sent again, it is refused. */
async function reveal(c: WebContext, newKeys: Offered): Promise<Response> {
  const actor = actorFor(c, 'versions.reveal')
  const { values } = await readForm(c, wish)
  const key = newKeys.keys.find((key) => key.versionId === values?.versionId)
  if (values === null || key === undefined) throw new Refusal('NOT_FOUND')
  if (!key.waits) throw new Refusal('ALREADY_REVEALED')
  const { db, sealer } = c.get('desk')
  const others = newKeys.keys.some((other) => other !== key && other.waits)
  return orAskAgain(
    async () => {
      await confirmWithCode(c, values.code)
      const { secret } = await revealVersion(db, sealer, actor, key.versionId)
      c.header('cache-control', 'no-store')
      const { label, href, madeBy } = newKeys
      const now = madeBy === null ? newKeys : await ofRotation(c, madeBy.ref)
      const shown = now.keys.find(({ versionId }) => versionId === key.versionId) ?? key
      const nextHref = others ? `${href}/new-keys` : href
      return showPage(c, 'new-key', { title: 'Store your new key', label, href, ...shown, secret, others, nextHref })
    },
    (problems) => showList(c, newKeys, problems),
    { ON_HOLD: '' },
  )
}

async function pickingUp(c: WebContext): Promise<PersonActor> {
  const actor = actorFor(c, 'versions.reveal')
  if (await mayPickUp(c)) return actor
  throw new Refusal('NOT_ALLOWED', { detail: 'No owner has allowed you to pick up keys yet.' })
}

async function ofRotation(c: WebContext, ref: string): Promise<Offered> {
  await pickingUp(c)
  const rotation = await rotationOf(c, ref)
  return { ...newKeysOfRotation(rotation, bearerOf(c).timeZone), madeBy: rotation }
}

async function ofService(c: WebContext, id: string): Promise<Offered> {
  const { organisationId } = await pickingUp(c)
  const service = await findService(c.get('desk').db, { organisationId }, id)
  if (service === undefined) throw new Refusal('NOT_FOUND')
  return { ...firstKeysOfService(service, bearerOf(c).timeZone), madeBy: null }
}

async function ofKey(c: WebContext): Promise<Offered> {
  await pickingUp(c)
  const { key, service } = await keyOf(c, 'versions.reveal')
  return { ...firstOfKey(key, service, bearerOf(c).timeZone), madeBy: null }
}

/** Where new keys are picked up: those of a rotation, the first ones of a service, and one that was made by hand. */
export function addNewKeys(app: App): void {
  app.get('/rotations/:ref/new-keys', async (c) => showList(c, await ofRotation(c, c.req.param('ref'))))
  app.post('/rotations/:ref/new-keys', async (c) => reveal(c, await ofRotation(c, c.req.param('ref'))))
  app.get('/keys/:id/new-keys', async (c) => showList(c, await ofKey(c)))
  app.post('/keys/:id/new-keys', async (c) => reveal(c, await ofKey(c)))
  app.get('/services/:id/new-keys', async (c) => showList(c, await ofService(c, c.req.param('id'))))
  app.post('/services/:id/new-keys', async (c) => reveal(c, await ofService(c, c.req.param('id'))))
}
