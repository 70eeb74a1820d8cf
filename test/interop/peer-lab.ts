import { writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort, RunningSidecar, temporaryFolder } from '../scenarios/running-sidecar.js'

export const peerId = 'spiffe://lab.test/peer'
export const sidecarId = 'spiffe://lab.test/sidecar'
export const peerHint = 'the peer'

/** A sidecar with an authority that the peer gets its SVIDs from, a tunnel in, and tunnels out as they are added. */
export class PeerLab {
  readonly sidecar: RunningSidecar
  readonly workloadApi: string
  readonly #base: string
  #tunnels = ''

  private constructor(sidecar: RunningSidecar, workloadApi: string, base: string) {
    this.sidecar = sidecar
    this.workloadApi = workloadApi
    this.#base = base
  }

  static async open(t: TestContext): Promise<PeerLab> {
    const folder = temporaryFolder(t)
    const uid = process.geteuid?.()
    const entries = [
      `entry { uid = ${uid} spiffe_ids = ["${sidecarId}"] }`,
      `entry { uid = ${uid} spiffe_ids = ["${peerId}"] hint = "${peerHint}" }`,
    ]
    writeFileSync(join(folder, 'entries.hcl'), `${entries.join('\n')}\n`)
    const socket = join(folder, 'ca.sock')
    const base = `
authority "lab" {
  listen            = "unix:${socket}"
  trust_domain      = "lab.test"
  svid_ttl          = "20s"
  registration_file = "${join(folder, 'entries.hcl')}"
}
identity "sidecar" {
  source            = "authority"
  authority_address = "unix:${socket}"
  spiffe_id         = "${sidecarId}"
}
`
    const lab = new PeerLab(new RunningSidecar(t, folder, 'lab', base), `unix://${socket}`, base)
    await lab.sidecar.ready()
    return lab
  }

  /** Adds a tunnel by a reload; resolves with the address it listens on. */
  async addTunnel(name: string, mode: 'client' | 'server', target: string, alpn = ''): Promise<string> {
    const listen = `127.0.0.1:${await freePort()}`
    this.#tunnels += `
tunnel "${name}" {
  mode     = "${mode}"
  listen   = "${listen}"
  target   = "${target}"
  alpn     = [${alpn}]
  allow { ids = ["${peerId}"] }
}
`
    this.sidecar.writeConfig(this.#base + this.#tunnels)
    const { succeeded, faults } = await this.sidecar.reload()
    if (!succeeded) throw new Error(faults.join('\n'))
    await this.sidecar.ready()
    return listen
  }

  /** Resolves when the sidecar has had another SVID. */
  async rotated(): Promise<void> {
    const used = (status: Awaited<ReturnType<RunningSidecar['status']>>) => status.identities[0]?.svidsUsed ?? 0
    const before = used(await this.sidecar.status())
    await this.sidecar.statusWhere('rotated', (status) => used(status) > before)
  }
}

/** A TCP server that sends back what it gets; resolves with its address. */
export async function startEcho(t: TestContext): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sends a line and resolves with the line that comes back; empty when the connection ends without one. */
export function sendLine(address: string, line: string): Promise<string> {
  const [host, port] = address.split(':')
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ host: host ?? '', port: Number(port) }, () => socket.write(`${line}\n`))
    socket.on('data', (chunk) => {
      answer += String(chunk)
      if (answer.endsWith('\n')) socket.end()
    })
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(answer.trimEnd()))
  })
}
