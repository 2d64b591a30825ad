import type { KeyView, ServiceView } from '../../../database/keys/services.ts'

/** What a key's menu leads to; each entry's page says first what it means. */
export type KeyMove = { href: string; label: string; hint: string; danger: boolean }

type May = { mayManage: boolean; mayRoll: boolean }

function roll(key: KeyView, { selfService }: ServiceView): KeyMove[] {
  if (!selfService || !key.enabled || key.rotationRef !== null) return []
  const hint = 'Make a new secret now; everything tied to the key stays.'
  return [{ href: `/keys/${key.id}/roll`, label: 'Roll', hint, danger: false }]
}

/** The moves that are open for a key to whoever looks, in the order of the menu; none for those who only read. */
export function keyMoves(key: KeyView, service: ServiceView, { mayManage, mayRoll }: May): KeyMove[] {
  const at = `/keys/${key.id}`
  const rolling = mayRoll ? roll(key, service) : []
  if (!mayManage) return rolling
  const turn = key.enabled
    ? { href: `${at}/disabling`, label: 'Disable', hint: 'Refuse it until somebody enables it again.', danger: true }
    : { href: `${at}/enabling`, label: 'Enable', hint: 'Accept it again, as before.', danger: false }
  return [
    { href: `${at}/edit`, label: 'Edit', hint: 'Its name, what it may do and from where.', danger: false },
    ...rolling,
    turn,
    { href: `${at}/deletion`, label: 'Delete', hint: 'Stop it for good, every version at once.', danger: true },
  ]
}
