import { z } from 'zod'
import type { ItemView } from '../../database/items.ts'
import type { RotationView } from '../../database/rotations.ts'
import { findService } from '../../database/services.ts'
import { revealVersion } from '../../keyring/reveal.ts'
import { Refusal } from '../../rules/refusals.ts'
import { KIND_WORDS } from '../../rules/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { confirmWithCode, needsCode } from '../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../forms/form.ts'
import { showPage } from '../shown/page.ts'
import { oldKeyWorks, waitsForPickUp } from '../shown/status.ts'
import { shownTimeOrNull } from '../shown/times.ts'
import { rotationOf } from './rotation.ts'
import { permissionWord } from './services.ts'

const wish = z.object({ versionId: z.string(), code: z.string().optional() })

function keyFacts(item: ItemView, firstWaitingId: string | undefined, timeZone: string) {
  const { newVersion } = item
  return {
    service: item.serviceName,
    kindWord: KIND_WORDS[item.kind],
    live: item.environment === 'live',
    last4: newVersion?.last4 ?? '',
    versionId: newVersion?.id ?? '',
    revealedAt: shownTimeOrNull(newVersion?.revealedAt ?? null, timeZone),
    revealedBy: newVersion?.revealedBy ?? '',
    showable: waitsForPickUp(item),
    first: item.id === firstWaitingId,
  }
}

async function showList(c: WebContext, ref: string, problems?: Problems): Promise<Response> {
  actorFor(c, 'versions.reveal')
  const rotation = await rotationOf(c, ref)
  const made = rotation.items.filter((item) => item.newVersion !== null)
  if (made.length === 0) throw new Refusal('ILLEGAL_MOVE', { detail: 'The new keys are not made yet.' })
  const first = made.find(waitsForPickUp)
  const { timeZone } = bearerOf(c)
  return showPage(c, 'new-keys', {
    title: 'Get the new keys',
    ref,
    href: `/rotations/${ref}`,
    keys: made.map((item) => keyFacts(item, first?.id, timeZone)),
    anyWaiting: first !== undefined,
    askCode: first !== undefined && (await needsCode(c)),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function findPermission(c: WebContext, item: ItemView): Promise<string> {
  const { organisationId } = bearerOf(c).actor
  const service = await findService(c.get('desk').db, { organisationId }, item.serviceId)
  const key = service?.keys.find((key) => key.id === item.keyId)
  return key === undefined ? '' : permissionWord(key.permission)
}

async function showSecret(c: WebContext, rotation: RotationView, item: ItemView, secret: string): Promise<Response> {
  const { timeZone } = bearerOf(c)
  c.header('cache-control', 'no-store')
  return showPage(c, 'new-key', {
    title: 'Store your new key',
    ref: rotation.ref,
    href: `/rotations/${rotation.ref}`,
    service: item.serviceName,
    kindWord: KIND_WORDS[item.kind],
    live: item.environment === 'live',
    permissionWord: await findPermission(c, item),
    secret,
    old: { last4: item.oldVersion?.last4 ?? '' },
    oldStopsAt: oldKeyWorks(item) ? shownTimeOrNull(item.overlapEndsAt, timeZone) : null,
    nextHref: `/rotations/${rotation.ref}/new-keys`,
    others: rotation.items.filter((other) => other.id !== item.id && waitsForPickUp(other)).length,
  })
}

/** The secret is in the answer to this POST and nowhere else; sent again, it is refused. */
async function reveal(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'versions.reveal')
  const rotation = await rotationOf(c, ref)
  const { values } = await readForm(c, wish)
  const item = rotation.items.find((item) => item.newVersionId === values?.versionId)
  if (values === null || item === undefined) throw new Refusal('NOT_FOUND')
  if (!waitsForPickUp(item)) throw new Refusal('ALREADY_REVEALED')
  const { db, sealer } = c.get('desk')
  return orAskAgain(
    async () => {
      await confirmWithCode(c, values.code)
      const { secret } = await revealVersion(db, sealer, actor, values.versionId)
      return showSecret(c, rotation, item, secret)
    },
    (problems) => showList(c, ref, problems),
  )
}

export function addNewKeys(app: App): void {
  app.get('/rotations/:ref/new-keys', (c) => showList(c, c.req.param('ref')))
  app.post('/rotations/:ref/new-keys', (c) => reveal(c, c.req.param('ref')))
}
