import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import type { Config } from '../config.ts'
import type { Db } from '../database/connect.ts'
import type { Bearer } from '../identity/sign-in/bearers.ts'
import type { KeyMaker } from '../keyring/make-version.ts'
import type { Verification } from '../keyring/verify.ts'
import type { Log } from '../log.ts'
import type { Demand } from '../rules/keys/verdict.ts'
import { type Action, type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import type { Sealer } from '../secrets/sealing.ts'
import type { FindGithubKey } from './leaks/github-keys.ts'
import type { Views } from './views.ts'

/** What the web needs of the program around it. */
export type Desk = {
  config: Config
  db: Db
  sealer: Sealer
  maker: KeyMaker
  log: Log
  /** `verifyKey` with its own pool, the key prefix and the recorder of uses bound in. */
  verify: (gatewayToken: string, presented: Demand & { key: string }) => Promise<Verification>
  /** Null where the desk takes no reports from GitHub. */
  findGithubKey: FindGithubKey | null
  /** Gives the address of a webhook as it is kept, after it was looked up from here. Refuses ADDRESS_REFUSED. */
  checkWebhookUrl: (url: string) => Promise<string>
}

export type Web = {
  Bindings: Partial<HttpBindings>
  Variables: {
    desk: Desk
    views: Views
    requestId: string
    /** The client's address: the right-most hop that is no trusted proxy. */
    address: string
    /** Whoever the session cookie or token belongs to; a session between password and code has `complete` false. */
    bearer: Bearer | null
  }
}
export type App = Hono<Web>
export type WebContext = Context<Web>

/** The bearer of this call. Refuses NOT_AUTHENTICATED without one, or before the one-time code was given. */
export function bearerOf(c: WebContext): Bearer {
  const bearer = c.get('bearer')
  if (bearer === null || !bearer.complete) throw new Refusal('NOT_AUTHENTICATED')
  return bearer
}

/** The person who acts. Refuses NOT_AUTHENTICATED, NOT_ALLOWED when the role may not do `action`, NOT_IN_SCOPE when the token may not. */
export function actorFor(c: WebContext, action: Action): PersonActor {
  const { actor } = bearerOf(c)
  requireRole(actor, action)
  return { ...actor, address: c.get('address') }
}
