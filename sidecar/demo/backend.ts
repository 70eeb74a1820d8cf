import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The workload behind the server side: answers requests, and echoes a stream for as long as it lasts. */
export async function startBackend(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((request, response) => {
    if (request.url === '/echo') {
      response.writeHead(200)
      response.flushHeaders()
      request.pipe(response)
      return
    }
    request.resume()
    response.end(`hello from the backend, ${String(request.headers['x-request'])}\n`)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  return { port: (server.address() as AddressInfo).port, server }
}
