import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { bindUnixSocket, type BoundUnixSocket } from '../socket/bind-unix-socket.js'
import { type HealthAnswer, type ReloadAnswer, adminPaths } from './admin-protocol.js'
import type { AdminConfig } from '../config/index.js'
import { credentialsOf } from '../socket/credentials-of.js'
import type { Status } from './status.js'

/** What the admin socket can ask of the process. */
export interface AdminActions {
  status(): Status
  reload(): Promise<ReloadAnswer>
}

type Route = (actions: AdminActions) => Promise<readonly [httpStatus: number, body: unknown]>

function healthOf(status: Status): HealthAnswer {
  return { ready: status.ready, problems: status.problems }
}

const routes = new Map<string, Route>([
  [`GET ${adminPaths.status}`, async (actions) => [200, actions.status()]],
  [
    `GET ${adminPaths.health}`,
    async (actions) => {
      const health = healthOf(actions.status())
      return [health.ready ? 200 : 503, health]
    },
  ],
  [
    `POST ${adminPaths.reload}`,
    async (actions) => {
      const answer = await actions.reload()
      return [answer.succeeded ? 200 : 422, answer]
    },
  ],
])

async function answer(actions: AdminActions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume()
  const path = new URL(request.url ?? '/', 'http://svidecar').pathname
  const route = routes.get(`${request.method} ${path}`)
  const [status, body] = route === undefined ? [404, { error: 'no such resource' }] : await route(actions)
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}

function createAdminHttpServer(actions: AdminActions): Server {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      answer(actions, request, response).catch(() => {
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    },
  )
  server.maxConnections = 64
  return server
}

function admitOnly(server: Server, uids: readonly number[]): void {
  server.prependListener('connection', (socket) => {
    const uid = credentialsOf(socket)?.uid
    if (uid === undefined || !uids.includes(uid)) socket.destroy()
  })
}

/** The operator's socket: status, health, reload. The socket file's permissions guard it, 0600 unless said otherwise. */
export class AdminServer {
  readonly path: string
  readonly #server: Server
  readonly #socket: BoundUnixSocket

  private constructor(path: string, server: Server, socket: BoundUnixSocket) {
    this.path = path
    this.#server = server
    this.#socket = socket
  }

  /** Binds its path; throws `SocketError` when another process answers there or the directory is not writable. */
  static async open({ listen, unixListen }: AdminConfig, actions: AdminActions): Promise<AdminServer> {
    const server = createAdminHttpServer(actions)
    if (unixListen.allowUids !== undefined) admitOnly(server, unixListen.allowUids)
    const socket = await bindUnixSocket(server, listen.path, unixListen)
    return new AdminServer(listen.path, server, socket)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await this.#socket.close()
  }
}
