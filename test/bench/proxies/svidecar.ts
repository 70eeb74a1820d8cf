import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StaticAgent } from '../static-agent.js'
import { Prepared, type Proxy, type Role } from './proxy.js'

/** What `run` gets; its agent is expected at `agent.sock` in the folder. */
export function configuration({ mode, listen, target, allowed, folder }: Role, keyExchange: string): string {
  const list = allowed.endsWith('*') ? 'patterns' : 'ids'
  return `agent_address = "unix:${join(folder, 'agent.sock')}"

identity "bench" { source = "workload-api" }

tunnel "bench" {
  mode         = "${mode}"
  listen       = "${listen}"
  target       = "${target}"
  identity     = "bench"
  ${keyExchange}
  allow { ${list} = ["${allowed}"] }
}

admin { listen = "unix:${join(folder, 'admin.sock')}" }
`
}

/** The version of the build in `dist`; undefined when there is none. */
export async function builtVersion(dist: string): Promise<string | undefined> {
  try {
    await readFile(join(dist, 'bin', 'main.js'))
    return /"version": "([^"]+)"/.exec(await readFile(join(dist, '..', 'package.json'), 'utf8'))?.[1]
  } catch {
    return undefined // no build, which the caller names
  }
}

async function prepare(dist: string, role: Role, keyExchange: string): Promise<Prepared> {
  const { certificates, folder, mode } = role
  const path = join(folder, 'svidecar.conf')
  await writeFile(path, configuration(role, keyExchange))
  const agent = await StaticAgent.start(join(folder, 'agent.sock'), certificates.ca, certificates[mode])
  const program = join(dist, 'bin', 'main.js')
  return new Prepared(process.execPath, [program, 'run', '-config', path, '--log-format', 'json'], agent)
}

/** As shipped, with the audit log and the admin socket, and the key exchange that every proxy here is held to. */
export function svidecar(dist: string): Proxy {
  return {
    name: 'svidecar',
    version: () => builtVersion(dist),
    prepare: (role) => prepare(dist, role, 'key_exchange = ["X25519"]'),
  }
}

/** With the key exchange that it prefers by itself; the others are not asked for this one. */
export function svidecarHybrid(dist: string): Proxy {
  return {
    name: 'svidecar X25519MLKEM768',
    keyExchange: 'X25519MLKEM768',
    handshakesOnly: true,
    version: () => builtVersion(dist),
    prepare: (role) => prepare(dist, role, ''),
  }
}
