import { z } from 'zod'
import { setTimeZone } from '../../../identity/account/time-zone.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'

const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')]
const choice = z.object({ timeZone: z.string().max(64).default('') })

/** The zones by continent, as the list groups them; UTC stands first and alone. */
function groups(chosen: string) {
  const zones = ZONES.includes(chosen) ? ZONES : [chosen, ...ZONES]
  const byArea = Map.groupBy(zones, (zone) => zone.split('/')[0] ?? zone)
  return [...byArea].map(([area, zones]) => ({
    area,
    zones: zones.map((zone) => ({ value: zone, label: zone.replaceAll('_', ' '), chosen: zone === chosen })),
  }))
}

async function ask(c: WebContext, problems?: Problems): Promise<Response> {
  const { timeZone } = bearerOf(c)
  return showPage(c, 'time-zone', {
    title: 'Your time zone',
    groups: groups(timeZone),
    now: shownTime(new Date(), timeZone),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function choose(c: WebContext): Promise<Response> {
  const { actor } = bearerOf(c)
  const { values, problems } = await readForm(c, choice)
  if (problems !== null) return ask(c, problems)
  return orAskAgain(
    async () => {
      await setTimeZone(c.get('desk').db, actor, values.timeZone)
      return c.redirect('/time-zone', 303)
    },
    (problems) => ask(c, problems),
  )
}

export function addTimeZone(app: App): void {
  app.get('/time-zone', (c) => ask(c))
  app.post('/time-zone', choose)
}
