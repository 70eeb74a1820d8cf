import { createServer, type Server } from 'node:http'
import type { Registry } from 'prom-client'
import type { Status } from '../admin/status.js'
import type { MetricsConfig } from '../config/index.js'
import { bindUnixSocket, type BoundUnixSocket } from '../socket/bind-unix-socket.js'
import type { TunnelRunner } from '../tunnel/tunnel-runner.js'

/** What the metrics are read from, at each scrape. */
export interface MetricsSource {
  status(): Status
  /** Looks at the files on disk, for the next `status`. */
  review(): Promise<unknown>
  tunnels(): readonly TunnelRunner[]
}

/** Answers `GET /metrics` and nothing else. No label carries text a peer chose. */
export class MetricsServer {
  readonly #server: Server
  readonly #socket: BoundUnixSocket | undefined

  private constructor(server: Server, socket: BoundUnixSocket | undefined) {
    this.#server = server
    this.#socket = socket
  }

  static async open({ listen, unixListen }: MetricsConfig, source: MetricsSource): Promise<MetricsServer> {
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
        answer(source, registry).then(
          (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
          () => response.writeHead(500).end(),
        )
      },
    )
    server.maxConnections = 64
    if (listen.kind === 'tcp') await listenOnTcp(server, listen)
    const socket =
      listen.kind === 'unix' ? await bindUnixSocket(server, listen.path, unixListen ?? { mode: 0o600 }) : undefined
    return new MetricsServer(server, socket)
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    if (this.#socket !== undefined) return this.#socket.close()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }
}

async function answer(source: MetricsSource, registry: Registry): Promise<string> {
  await source.review()
  return registry.metrics()
}

function listenOnTcp(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}
