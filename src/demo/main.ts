import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { destination } from 'pino'
import { type Config, readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { runUntilSignal } from '../main.ts'
import { type Foundation, type Rekey, startRekey } from '../start.ts'
import { startClient } from './client.ts'
import { type DemoFile, readWorld, writeDemoFile } from './demo-file.ts'
import { INBOX_FOLDER, markFinished, startOver } from './fresh.ts'
import { type Inbox, startInbox } from './inbox/inbox.ts'
import { addDemoPages } from './pages.ts'
import { type Receiver, startReceiver } from './webhooks/receiver.ts'
import { makeWorld } from './world/world.ts'

/** The world that an earlier start made, or a new one. Where the desk and the webhooks' receiver are reached is written down anew each time. */
async function openWorld(desk: Foundation, inbox: Inbox, receiver: Receiver): Promise<DemoFile> {
  const { dataDir, publicUrl } = desk.config
  const world = (await readWorld(dataDir)) ?? (await makeWorld(desk, inbox, receiver))
  const endpoint = desk.db.updateTable('webhookEndpoint').where('id', '=', world.webhook?.id ?? '')
  await endpoint.set({ url: receiver.url }).execute()
  const places = { baseUrl: publicUrl, databaseUrl: desk.databaseUrl, smtpUrl: inbox.smtpUrl }
  const demo = { ...places, ...world }
  await writeDemoFile(dataDir, demo)
  await markFinished(dataDir)
  return demo
}

function openLog({ logLevel, dataDir }: Config) {
  // The terminal is for the person who tries the demo, and the simulated client's calls would fill the file.
  const level = logLevel === 'info' ? 'warn' : logLevel
  return createLog(level, destination({ dest: join(dataDir, 'demo.log'), append: true, mode: 0o600, sync: true }))
}

type Around = { inbox: Inbox; receiver: Receiver }

async function startDesk(own: Config, { inbox, receiver }: Around, signal: AbortSignal): Promise<Rekey> {
  const webhookAllowedHosts = [...own.webhookAllowedHosts, receiver.host]
  const config = { ...own, webhookAllowedHosts, smtpUrl: own.smtpUrl ?? inbox.smtpUrl }
  const world = Promise.withResolvers<DemoFile>()
  const rekey = await startRekey(config, openLog(config), {
    signal,
    async prepare(desk) {
      const demo = await openWorld(desk, inbox, receiver)
      world.resolve(demo)
      return (app) => addDemoPages(app, demo, inbox, receiver)
    },
  })
  const client = startClient(await world.promise)
  async function stop(): Promise<void> {
    await client.stop()
    await rekey.stop()
  }
  return { stop }
}

async function startDemo(signal: AbortSignal): Promise<Rekey> {
  const { values } = parseArgs({ options: { fresh: { type: 'boolean', default: false } } })
  const config = readConfig()
  await startOver(config, values.fresh)
  const inbox = await startInbox(join(config.dataDir, INBOX_FOLDER))
  const receiver = await startReceiver()
  const desk = await startDesk(config, { inbox, receiver }, signal)
  console.log(`Rekey is ready at ${config.publicUrl}`)
  console.log(`Who can sign in, the letters and the one-time codes: ${config.publicUrl}/demo`)
  async function stop(): Promise<void> {
    await desk.stop()
    await inbox.stop()
    await receiver.stop()
  }
  return { stop }
}

await runUntilSignal(startDemo)
