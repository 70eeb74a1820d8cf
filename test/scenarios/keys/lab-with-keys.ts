import type { TestContext } from 'node:test'
import type { ConnectionOptions } from 'node:tls'
import type { Status, TunnelStatus } from '../../../sidecar/admin/status.js'
import { EchoBackend, labId, type Lab, peerOptions, prepareLab, serverTunnel } from '../lab.js'
import { freePort, RunningSidecar } from '../running-sidecar.js'

/** A `key_provider` block named `device`. */
export function keyProviderBlock(type: string, settings: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries({ type, ...settings }).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}\n`)
  return `key_provider "device" {\n${lines.join('')}}\n`
}

export interface KeyLabOptions {
  /** The block `device`, whose keys the identity `server` has. */
  readonly keyProvider: string
  /** Lines put at the top of the file. */
  readonly top?: string
  /** The Workload API of the authority makes the keys, and the device takes them. */
  readonly imported?: boolean
  /** Lines put into the tunnel's block. */
  readonly tunnel?: string
  readonly svidTtl?: string
}

export interface KeyLab {
  readonly lab: Lab
  readonly authority: RunningSidecar
  readonly sidecar: RunningSidecar
  /** Where the tunnel listens for mutual TLS. */
  readonly port: number
  readonly peer: ConnectionOptions
}

/** A sidecar whose identity has its keys in a device, and its authority in a process of its own, which can be stopped. */
export async function runKeyLab(t: TestContext, options: KeyLabOptions): Promise<KeyLab> {
  const lab = prepareLab(t, ['peer'], options.svidTtl === undefined ? {} : { svidTtl: options.svidTtl })
  const [authorityBlock = '', identityBlock = ''] = lab.preamble.split(/(?=^identity)/mu)
  const authority = new RunningSidecar(t, lab.folder, 'ca', authorityBlock)
  await authority.statusWhere('the authority serves', ({ authorities }) => authorities.length === 1)
  const [backend, port] = [await EchoBackend.start(t), await freePort()]
  const tunnel = serverTunnel('web', { listen: port, target: backend.port }, ['peer'])
  const imported = `agent_address = "unix:${lab.authoritySocket}"
identity "server" { source = "workload-api" spiffe_id = "${labId('server')}" key_provider = "device" }`
  const config = [
    options.top ?? '',
    options.keyProvider,
    options.imported ? imported : identityBlock.replace('{', '{\n  key_provider = "device"'),
    tunnel.replace('mode ', `${options.tunnel ?? ''}\n  mode `),
  ]
  const sidecar = new RunningSidecar(t, lab.folder, 'lab', config.join('\n'))
  const peer = await peerOptions(lab, 'peer')
  await sidecar.ready()
  return { lab, authority, sidecar, port, peer }
}

export function theTunnel({ tunnels }: Status): TunnelStatus {
  const [tunnel] = tunnels
  if (tunnel === undefined) throw new TypeError('the status has no tunnel')
  return tunnel
}

export function signerFailures(status: Status): number {
  return theTunnel(status).outcomes['signer_failed'] ?? 0
}

export function serialOf(status: Status): string | undefined {
  return status.identities[0]?.svid?.serialNumber
}
