import { z } from 'zod'
import { findShortcuts } from '../../../database/people/shortcuts.ts'
import { setShortcuts } from '../../../identity/account/shortcuts.ts'
import { actorFor, type WebContext } from '../../context.ts'
import { readForm } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'

const choice = z.object({ shortcuts: z.enum(['on', 'off']) })

export async function showShortcuts(c: WebContext): Promise<Response> {
  const { personId } = actorFor(c, 'rotations.decide')
  const on = await findShortcuts(c.get('desk').db, personId)
  return showPage(c, 'shortcuts', { title: 'Keyboard shortcuts', on })
}

export async function switchShortcuts(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const { values } = await readForm(c, choice)
  if (values !== null) await setShortcuts(c.get('desk').db, actor, values.shortcuts === 'on')
  return c.redirect('/shortcuts', 303)
}
