import { createServer, STATUS_CODES, type Server, type ServerResponse } from 'node:http'
import type { HealthConfig } from '../config/output-model.js'
import type { FileStatus } from '../outputs/output-status.js'
import { writeStatusesOf } from './write-statuses.js'

/** What the probes are answered from. Asked at each request: nothing is remembered from an earlier one. */
export interface HealthSource {
  /** The process does its work: no deadline for a renewal was missed. */
  isLive(): boolean
  /** Every identity valid, every tunnel listening, every output on disk valid and current. */
  isReady(): Promise<boolean>
  fileStatuses(): readonly FileStatus[]
}

export class HealthError extends Error {
  override readonly name = 'HealthError'
  readonly code = 'ERR_HEALTH_LISTEN'
}

/** A kubelet asks a few times a minute; whoever else reaches the address gets no more than this. */
const maxConnections = 64

/** `health_checks` as spiffe-helper answers it: two paths, 200 or 503, JSON. */
export class HealthServer {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** Throws `HealthError` when the address cannot be bound. */
  static async open(config: HealthConfig, source: HealthSource): Promise<HealthServer> {
    const judges = new Map<string, () => Promise<boolean>>([
      [config.livenessPath, () => Promise.resolve(source.isLive())],
      [config.readinessPath, () => source.isReady()],
    ])
    const server = createServer(
      { requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 8192 },
      (request, response) => {
        request.resume()
        const judge = judges.get((request.url ?? '').split('?', 1)[0] ?? '')
        if (judge === undefined) {
          response.writeHead(404).end()
          return
        }
        judge().then(
          (isWell) => answer(response, isWell, source),
          () => response.writeHead(500).end(),
        )
      },
    )
    server.maxConnections = maxConnections
    await listen(server, config)
    return new HealthServer(server)
  }

  /** The port that is bound, for one that was given as 0. */
  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }
}

function answer(response: ServerResponse, isWell: boolean, source: HealthSource): void {
  const code = isWell ? 200 : 503
  const health = { file_write_statuses: writeStatusesOf(source.fileStatuses()) }
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ status: STATUS_CODES[code], health }))
}

function listen(server: Server, { host, port }: HealthConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const where = `${host ?? 'every address'}, port ${port}`
      const reason = cause.code === 'EADDRINUSE' ? 'another process has it' : cause.message
      reject(new HealthError(`health_checks cannot listen on ${where}: ${reason}`, { cause }))
    })
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}
