import type { App } from '../context.ts'

export function addApi(app: App): void {
  app.get('/healthz', (c) => c.json({ status: 'up' }))
}
