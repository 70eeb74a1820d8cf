import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { bindUnixSocket, type BoundUnixSocket } from '../socket/bind-unix-socket.js'
import { type AdminRefusal, type HealthAnswer, type ReloadAnswer, adminPaths } from './admin-protocol.js'
import type { AdminConfig } from '../config/index.js'
import { parseKeyRequest, type KeyAnswer, type KeyRequest } from '../keys/key-request.js'
import { errorText } from '../log/logger.js'
import { credentialsOf } from '../socket/credentials-of.js'
import type { Status } from './status.js'

/** What the admin socket can ask of the process. */
export interface AdminActions {
  /** After a look at the files on disk. */
  status(): Promise<Status>
  reload(): Promise<ReloadAnswer>
  /** Throws `KeyRequestError` and `ParsecError`. */
  keys(request: KeyRequest): Promise<KeyAnswer>
}

type Answer = readonly [httpStatus: number, body: unknown]
type Route = (actions: AdminActions, body: string) => Promise<Answer>

const maxBodyBytes = 64 * 1024

function healthOf(status: Status): HealthAnswer {
  return { ready: status.ready, problems: status.problems }
}

const routes = new Map<string, Route>([
  [`GET ${adminPaths.status}`, async (actions) => [200, await actions.status()]],
  [
    `GET ${adminPaths.health}`,
    async (actions) => {
      const health = healthOf(await actions.status())
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
  [`POST ${adminPaths.keys}`, (actions, body) => keysRoute(actions, body)],
])

async function keysRoute(actions: AdminActions, body: string): Promise<Answer> {
  try {
    return [200, await actions.keys(parseKeyRequest(JSON.parse(body)))]
  } catch (error) {
    const refusal: AdminRefusal = { error: errorText(error) }
    return [422, refusal]
  }
}

/** Undefined for a body that is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBodyBytes) chunks.push(chunk)
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks).toString('utf8')
}

async function answer(actions: AdminActions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await readBody(request)
  const path = new URL(request.url ?? '/', 'http://svidecar').pathname
  const route = routes.get(`${request.method} ${path}`)
  const [status, body] = await (route === undefined
    ? [404, { error: 'no such resource' }]
    : text === undefined
      ? [413, { error: 'the request is too large' }]
      : route(actions, text))
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

/** The operator's socket: status, health, reload, keys. The socket file's permissions guard it, 0600 unless said otherwise. */
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
