import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DemoDevice, DemoSettings } from './keys/demo-keys.js'

export const demoTrustDomain = 'demo.svidecar.test'
export const foreignTrustDomain = 'foreign.svidecar.test'
export const serverId = `spiffe://${demoTrustDomain}/backend`
export const clientId = `spiffe://${demoTrustDomain}/frontend`
export const strangerId = `spiffe://${demoTrustDomain}/stranger`
export const foreignId = `spiffe://${foreignTrustDomain}/frontend`

/** Where everything of one demo lies. */
export interface DemoPaths {
  readonly folder: string
  readonly authoritySocket: string
  readonly foreignSocket: string
  readonly authorityFile: string
  readonly serverFile: string
  readonly clientFile: string
  readonly serverAdmin: string
  readonly clientAdmin: string
}

export function demoPaths(folder: string): DemoPaths {
  return {
    folder,
    authoritySocket: join(folder, 'authority.sock'),
    foreignSocket: join(folder, 'foreign.sock'),
    authorityFile: join(folder, 'authority.conf'),
    serverFile: join(folder, 'server.conf'),
    clientFile: join(folder, 'client.conf'),
    serverAdmin: join(folder, 'server-admin.sock'),
    clientAdmin: join(folder, 'client-admin.sock'),
  }
}

function authorityBlock(name: string, socket: string, trustDomain: string, entries: string): string {
  return `authority "${name}" {
  listen            = "unix:${socket}"
  trust_domain      = "${trustDomain}"
  svid_ttl          = "6s"
  ca_ttl            = "1h"
  registration_file = "${entries}"
}
`
}

function entriesFile(ids: readonly string[]): string {
  return ids
    .map(
      (id) =>
        `entry { uid = ${process.getuid?.() ?? 0} spiffe_ids = ["${id}"] hint = "${id.split('/').pop() ?? ''}" }\n`,
    )
    .join('')
}

function sidecarFile(options: {
  readonly authoritySocket: string
  readonly spiffeId: string
  readonly tunnel: string
  readonly mode: 'client' | 'server'
  readonly listen: string
  readonly target: string
  readonly allowed: string
  readonly admin: string
  readonly keys: DemoSettings
}): string {
  const keys = Object.entries(options.keys).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}\n`)
  return `key_provider "keys" {
${keys.join('')}}

identity "own" {
  source            = "authority"
  key_provider      = "keys"
  authority_address = "unix:${options.authoritySocket}"
  spiffe_id         = "${options.spiffeId}"
}

tunnel "${options.tunnel}" {
  mode   = "${options.mode}"
  listen = "${options.listen}"
  target = "${options.target}"
  allow { ids = ["${options.allowed}"] }
}

admin { listen = "unix:${options.admin}" }
shutdown_timeout = "5s"
`
}

/** Writes the three configurations of the demo: the authorities, the server side, the client side. */
export async function writeDemoFiles(
  paths: DemoPaths,
  ports: { readonly backend: number; readonly mtls: number; readonly plain: number },
  device: DemoDevice,
): Promise<void> {
  const entries = join(paths.folder, 'entries.hcl')
  const foreignEntries = join(paths.folder, 'foreign-entries.hcl')
  const write = (path: string, text: string) => writeFile(path, text, { mode: 0o600 })
  await write(entries, entriesFile([serverId, clientId, strangerId]))
  await write(foreignEntries, entriesFile([foreignId]))
  await write(
    paths.authorityFile,
    authorityBlock('demo', paths.authoritySocket, demoTrustDomain, entries) +
      authorityBlock('foreign', paths.foreignSocket, foreignTrustDomain, foreignEntries),
  )
  const { authoritySocket } = paths
  const server = {
    keys: device.settingsOf('server'),
    tunnel: 'to-backend',
    mode: 'server',
    listen: `127.0.0.1:${ports.mtls}`,
    target: `127.0.0.1:${ports.backend}`,
  } as const
  await write(
    paths.serverFile,
    sidecarFile({ ...server, authoritySocket, spiffeId: serverId, allowed: clientId, admin: paths.serverAdmin }),
  )
  const client = {
    keys: device.settingsOf('client'),
    tunnel: 'to-server',
    mode: 'client',
    listen: `127.0.0.1:${ports.plain}`,
    target: `127.0.0.1:${ports.mtls}`,
  } as const
  await write(
    paths.clientFile,
    sidecarFile({ ...client, authoritySocket, spiffeId: clientId, allowed: serverId, admin: paths.clientAdmin }),
  )
}
