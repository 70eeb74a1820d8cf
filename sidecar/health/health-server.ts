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
  readonly #source: HealthSource
  #judges: ReadonlyMap<string, () => Promise<boolean>> = new Map()

  private constructor(source: HealthSource) {
    this.#source = source
    this.#server = createServer(
      { requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 8192 },
      (request, response) => {
        request.resume()
        this.#answer((request.url ?? '').split('?', 1)[0] ?? '', response)
      },
    )
    this.#server.maxConnections = maxConnections
  }

  /** Throws `HealthError` when the address cannot be bound. */
  static async open(config: HealthConfig, source: HealthSource): Promise<HealthServer> {
    const server = new HealthServer(source)
    server.judgeAt(config)
    await listen(server.#server, config)
    return server
  }

  /** The paths from now on. */
  judgeAt({ livenessPath, readinessPath }: Pick<HealthConfig, 'livenessPath' | 'readinessPath'>): void {
    this.#judges = new Map([
      [livenessPath, () => Promise.resolve(this.#source.isLive())],
      [readinessPath, () => this.#source.isReady()],
    ])
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

  #answer(path: string, response: ServerResponse): void {
    const judge = this.#judges.get(path)
    if (judge === undefined) {
      response.writeHead(404).end()
      return
    }
    judge().then(
      (isWell) => {
        const code = isWell ? 200 : 503
        const health = { file_write_statuses: writeStatusesOf(this.#source.fileStatuses()) }
        response.writeHead(code, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ status: STATUS_CODES[code], health }))
      },
      () => response.writeHead(500).end(),
    )
  }
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
