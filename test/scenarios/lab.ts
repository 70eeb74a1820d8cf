import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { type SpiffeId, WorkloadApiClient } from '../../workload-api/index.js'
import { RunningSidecar, temporaryFolder } from './running-sidecar.js'

export const labTrustDomain = 'lab.test'

/** `spiffe://lab.test/NAME`. */
export function labId(name: string): string {
  return `spiffe://${labTrustDomain}/${name}`
}

export interface Lab {
  readonly folder: string
  readonly authoritySocket: string
  /** The blocks every file of a lab begins with: its authority, and the identity `server`. */
  readonly preamble: string
}

/** A folder with the files of an authority that gives this test's uid `lab.test/server` and each of `names`. */
export function prepareLab(t: TestContext, names: readonly string[], options: { readonly svidTtl?: string } = {}): Lab {
  const folder = temporaryFolder(t)
  const authoritySocket = join(folder, 'ca.sock')
  const entries = ['server', ...names].map(
    (name) => `entry { uid = ${process.getuid?.() ?? 0} spiffe_ids = ["${labId(name)}"] hint = "${name}" }`,
  )
  writeFileSync(join(folder, 'entries.hcl'), `${entries.join('\n')}\n`)
  const preamble = `
authority "lab" {
  listen            = "unix:${authoritySocket}"
  trust_domain      = "${labTrustDomain}"
  svid_ttl          = "${options.svidTtl ?? '1h'}"
  registration_file = "${join(folder, 'entries.hcl')}"
}
identity "server" {
  source            = "authority"
  authority_address = "unix:${authoritySocket}"
  spiffe_id         = "${labId('server')}"
}
`
  return { folder, authoritySocket, preamble }
}

/** A server tunnel block, TCP on both sides. */
export function serverTunnel(
  name: string,
  ports: { listen: number; target: number },
  allowedNames: readonly string[],
): string {
  return `
tunnel "${name}" {
  mode     = "server"
  listen   = "127.0.0.1:${ports.listen}"
  target   = "127.0.0.1:${ports.target}"
  identity = "server"
  allow { ids = [${allowedNames.map((allowed) => `"${labId(allowed)}"`).join(', ')}] }
}
`
}

export function runLab(t: TestContext, lab: Lab, tunnels: string): RunningSidecar {
  return new RunningSidecar(t, lab.folder, 'lab', lab.preamble + tunnels)
}

/** What a TLS client that is not ours needs to be `name`. */
export async function peerOptions(lab: Lab, name: string): Promise<ConnectionOptions> {
  const client = new WorkloadApiClient({ address: `unix:${lab.authoritySocket}` })
  try {
    const { svids } = await client.fetchX509Context({ signal: AbortSignal.timeout(10_000) })
    const svid = svids.find((candidate) => candidate.id === (labId(name) as SpiffeId))
    if (svid === undefined) throw new Error(`the authority did not offer ${labId(name)}`)
    return {
      cert: svid.chain.map((der) => new X509Certificate(der).toString()).join('\n'),
      key: svid.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      // Who the server is is not what these tests look at.
      rejectUnauthorized: false,
    }
  } finally {
    await client.close()
  }
}

/** A TCP server that echoes and remembers how much it was sent. */
export class EchoBackend {
  bytes = 0
  connections = 0
  readonly #server: Server

  private constructor() {
    this.#server = createServer((socket) => {
      this.connections += 1
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        this.bytes += chunk.length
        socket.write(chunk)
      })
    })
  }

  static async start(t: TestContext): Promise<EchoBackend> {
    const backend = new EchoBackend()
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve))
    t.after(() => backend.#server.close())
    return backend
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }
}

/** How an exchange with the tunnel ended, as the peer saw it. */
export type Exchange = { readonly echoed: string } | { readonly refused: string }

/** Connects, sends `text`, and resolves with what came back or with the error that came instead. */
export function exchange(port: number, peer: ConnectionOptions, text = 'ping'): Promise<Exchange> {
  return new Promise((resolve) => {
    const socket = connect({ ...peer, host: '127.0.0.1', port })
    const end = (result: Exchange) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('secureConnect', () => socket.write(text))
    socket.once('data', (chunk) => end({ echoed: String(chunk) }))
    socket.once('error', (error) => end({ refused: error.message }))
    socket.once('close', () => end({ refused: 'closed' }))
  })
}

/** An established connection that echoed once. */
export async function hold(t: TestContext, port: number, peer: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ ...peer, host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', () => socket.write('hold'))
    socket.once('data', () => resolve())
    socket.once('close', () => reject(new Error('closed before it was established')))
  })
  return socket
}
