import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'

export const trustDomain = 'soak.test'
export const soakId = (name: string): string => `spiffe://${trustDomain}/${name}`
const names = ['server', 'client', 'signer', 'guest'] as const

/** Short, so that keys, SVIDs and authorities change all the time; long enough to survive a restart of the authority. */
const svidTtl = '15s'
const caTtl = '3m'

/** Where everything of one soak lies. */
export interface SoakPaths {
  readonly folder: string
  readonly authoritySocket: string
  readonly authorityFile: string
  readonly serverFile: string
  readonly clientFile: string
  readonly serverAdmin: string
  readonly clientAdmin: string
  readonly flappingBackend: string
  /** Plaintext ends of the client's tunnels that are unix sockets. */
  readonly flappingDoor: string
  readonly passingDoor: string
}

export function soakPaths(folder: string): SoakPaths {
  const path = (name: string) => join(folder, name)
  return {
    folder,
    authoritySocket: path('ca.sock'),
    authorityFile: path('authority.conf'),
    serverFile: path('server.conf'),
    clientFile: path('client.conf'),
    serverAdmin: path('server.adm'),
    clientAdmin: path('client.adm'),
    flappingBackend: path('flapping.sock'),
    flappingDoor: path('flapping.door'),
    passingDoor: path('passing.door'),
  }
}

export interface SoakPorts {
  readonly backend: number
  /** Where mutual TLS is spoken. */
  readonly main: number
  readonly flapping: number
  readonly passing: number
  readonly signer: number
  /** Plaintext ends of the client's tunnels. */
  readonly mainDoor: number
  readonly signerDoor: number
}

/** What a reload changes. */
export interface Variation {
  readonly guestAllowed: boolean
  /** Whether the tunnel `passing` is there. */
  readonly passing: boolean
  /** Any number: timeouts and the length of the allow lists follow from it. */
  readonly turn: number
}

/** Below the range from which the kernel takes ports for outgoing connections, of which a soak makes many. */
const firstPort = 20_000
const portCount = 10_000

/** `count` loopback ports nobody listens on; others may take them before they are used, as ever. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = []
  for (let port = firstPort + (process.pid % portCount); found.length < count; port += 1) {
    const server = createServer()
    const free = await Promise.race([
      once(server.listen(port, '127.0.0.1'), 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ])
    if (!free) continue
    server.close()
    await once(server, 'close')
    found.push(port)
  }
  return found
}

interface TunnelBlock {
  readonly name: string
  readonly mode: 'client' | 'server'
  readonly listen: string
  readonly target: string
  readonly allowed: readonly string[]
}

function tunnelBlock({ name, mode, listen, target, allowed }: TunnelBlock, turn: number): string {
  // IDs that nobody has: the list differs from turn to turn, and whoever is on it all the time stays connected.
  const others = Array.from({ length: turn % 7 }, (_, index) => `other-${index}`)
  const ids = [...allowed, ...others].map((id) => `"${soakId(id)}"`).join(', ')
  return `tunnel "${name}" {
  mode              = "${mode}"
  listen            = "${listen}"
  target            = "${target}"
  idle_timeout      = "${120 + (turn % 60)}s"
  handshake_timeout = "${20 + (turn % 5)}s"
  connect_timeout   = "${15 + (turn % 3)}s"
  allow { ids = [${ids}] }
}
`
}

function sidecarFile(id: string, admin: string, { authoritySocket }: SoakPaths, tunnels: readonly string[]): string {
  return `identity "own" {
  source            = "authority"
  authority_address = "unix:${authoritySocket}"
  spiffe_id         = "${soakId(id)}"
}

${tunnels.join('\n')}
admin { listen = "unix:${admin}" }
shutdown_timeout = "30s"
`
}

const loopback = (port: number) => `127.0.0.1:${port}`

export async function writeServerFile(paths: SoakPaths, ports: SoakPorts, variation: Variation): Promise<void> {
  const { turn, guestAllowed, passing } = variation
  const server = { mode: 'server', allowed: ['client'] } as const
  const tunnels = [
    {
      ...server,
      name: 'main',
      listen: loopback(ports.main),
      target: loopback(ports.backend),
      allowed: guestAllowed ? ['client', 'guest'] : ['client'],
    },
    { ...server, name: 'flapping', listen: loopback(ports.flapping), target: `unix:${paths.flappingBackend}` },
    ...(passing
      ? [{ ...server, name: 'passing', listen: loopback(ports.passing), target: loopback(ports.backend) }]
      : []),
  ]
  const blocks = tunnels.map((tunnel) => tunnelBlock(tunnel, turn))
  await writeFile(paths.serverFile, sidecarFile('server', paths.serverAdmin, paths, blocks), { mode: 0o600 })
}

export async function writeClientFile(paths: SoakPaths, ports: SoakPorts, variation: Variation): Promise<void> {
  const { turn, passing } = variation
  const client = { mode: 'client', allowed: ['server'] } as const
  const tunnels = [
    { ...client, name: 'main', listen: loopback(ports.mainDoor), target: loopback(ports.main) },
    { ...client, name: 'flapping', listen: `unix:${paths.flappingDoor}`, target: loopback(ports.flapping) },
    {
      ...client,
      name: 'slow-signer',
      listen: loopback(ports.signerDoor),
      target: loopback(ports.signer),
      allowed: ['signer'],
    },
    ...(passing
      ? [{ ...client, name: 'passing', listen: `unix:${paths.passingDoor}`, target: loopback(ports.passing) }]
      : []),
  ]
  const blocks = tunnels.map((tunnel) => tunnelBlock(tunnel, turn))
  await writeFile(paths.clientFile, sidecarFile('client', paths.clientAdmin, paths, blocks), { mode: 0o600 })
}

/** An authority that is the same one after each restart. */
export async function writeAuthorityFiles(paths: SoakPaths): Promise<void> {
  const path = (name: string) => join(paths.folder, name)
  const uid = process.getuid?.() ?? 0
  const entries = names.map((name) => `entry { uid = ${uid} spiffe_ids = ["${soakId(name)}"] hint = "${name}" }\n`)
  await writeFile(path('entries.hcl'), entries.join(''), { mode: 0o600 })
  await writeFile(path('store-key'), randomBytes(32), { mode: 0o600 })
  await mkdir(path('ca'), { mode: 0o700 })
  const text = `key_provider "keys" {
  type           = "Software"
  store          = "encrypted"
  key_store_dir  = "${path('keys')}"
  store_key_file = "${path('store-key')}"
}
authority "soak" {
  listen            = "unix:${paths.authoritySocket}"
  trust_domain      = "${trustDomain}"
  svid_ttl          = "${svidTtl}"
  ca_ttl            = "${caTtl}"
  registration_file = "${path('entries.hcl')}"
  data_dir          = "${path('ca')}"
  key_provider      = "keys"
}
`
  await writeFile(paths.authorityFile, text, { mode: 0o600 })
}
