import { serve } from '@hono/node-server'
import { Hono } from 'hono'

// What verify is measured against: a handler that parses JSON and answers JSON, and does nothing else.
const app = new Hono()
app.post('/v1/keys/verify', async (c) => {
  const { key } = await c.req.json()
  return c.json({ valid: typeof key === 'string', code: 'VALID' })
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.argv[2]) })
