import type { WebContext } from '../context.ts'
import { showPage } from './page.ts'

/** `usage` says how the token is sent. */
type MadeToken = { title: string; heading: string; name: string; token: string; usage: string; backHref: string }

/** Shows a token that was just made, this once; nothing on its way may keep the page. */
export function showMadeToken(c: WebContext, made: MadeToken): Promise<Response> {
  c.header('cache-control', 'no-store')
  return showPage(c, 'token-made', made)
}
