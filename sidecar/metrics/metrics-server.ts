import { createServer, type Server } from 'node:http'
import type { Status } from '../admin/status.js'
import type { Address } from '../config/model.js'
import type { TunnelRunner } from '../tunnel/tunnel-runner.js'

/** What the metrics are read from, at each scrape. */
export interface MetricsSource {
  status(): Status
  tunnels(): readonly TunnelRunner[]
}

/** Answers `GET /metrics` and nothing else. No label carries text a peer chose. */
export class MetricsServer {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(listen: Address, source: MetricsSource): Promise<MetricsServer> {
    // Loaded only where it is used: it costs every other process memory for nothing.
    const { createMetricsRegistry } = await import('./metrics-registry.js')
    const registry = createMetricsRegistry(source)
    const server = createServer(
      { requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 8192 },
      (request, response) => {
        request.resume()
        const path = (request.url ?? '').split('?', 1)[0]
        if (request.method !== 'GET' || path !== '/metrics') {
          response.writeHead(404).end()
          return
        }
        registry.metrics().then(
          (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
          () => response.writeHead(500).end(),
        )
      },
    )
    server.maxConnections = 64
    await listenOn(server, listen)
    return new MetricsServer(server)
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }
}

function listenOn(server: Server, listen: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const bound = () => {
      server.removeListener('error', reject)
      resolve()
    }
    if (listen.kind === 'unix') server.listen({ path: listen.path }, bound)
    else server.listen({ host: listen.host, port: listen.port }, bound)
  })
}
