import type { WebContext } from './context.ts'

/** Reads on only as fast as whoever downloads takes it, and stops when they do. */
function streamOf(texts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await texts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await texts.return(undefined)
    },
  })
}

/** Sends CSV as a file with the day in its name. It is made while it is sent, so that little of it is in memory however long it is. */
export function sendCsv(c: WebContext, name: string, texts: AsyncGenerator<string>): Response {
  const day = new Date().toISOString().slice(0, 10)
  c.header('content-type', 'text/csv; charset=utf-8')
  c.header('content-disposition', `attachment; filename="${name}-${day}.csv"`)
  return c.body(streamOf(texts))
}
