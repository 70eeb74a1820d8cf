import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port that was free a moment ago: the proxies cannot be asked which one they took. */
export async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new TypeError('a TCP listener has a port')
  return `127.0.0.1:${address.port}`
}
