import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StaticAgent } from '../static-agent.js'
import { Prepared, type Proxy, type Role } from './proxy.js'

const program = fileURLToPath(new URL('../../../bin/main.js', import.meta.url))
const packageFile = fileURLToPath(new URL('../../../../package.json', import.meta.url))

/** What `run` gets; its agent is expected at `agent.sock` in the folder. */
export function configuration({ mode, listen, target, certificates, folder }: Role, keyExchange: string): string {
  const peer = certificates[mode === 'server' ? 'client' : 'server']
  return `agent_address = "unix:${join(folder, 'agent.sock')}"

identity "bench" { source = "workload-api" }

tunnel "bench" {
  mode         = "${mode}"
  listen       = "${listen}"
  target       = "${target}"
  identity     = "bench"
  ${keyExchange}
  allow { ids = ["${peer.spiffeId}"] }
}

admin { listen = "unix:${join(folder, 'admin.sock')}" }
`
}

async function version(): Promise<string | undefined> {
  const built = await access(program).then(
    () => true,
    () => false,
  )
  return built ? /"version": "([^"]+)"/.exec(await readFile(packageFile, 'utf8'))?.[1] : undefined
}

async function prepare(role: Role, keyExchange: string): Promise<Prepared> {
  const { certificates, folder, mode } = role
  const path = join(folder, 'svidecar.conf')
  await writeFile(path, configuration(role, keyExchange))
  const agent = await StaticAgent.start(join(folder, 'agent.sock'), certificates.ca, certificates[mode])
  return new Prepared(process.execPath, [program, 'run', '-config', path, '--log-format', 'json'], agent)
}

/** As shipped, with the audit log and the admin socket, and the key exchange that every proxy here is held to. */
export const svidecar: Proxy = {
  name: 'svidecar',
  version,
  prepare: (role) => prepare(role, 'key_exchange = ["X25519"]'),
}

/** With the key exchange that it prefers by itself; the others are not asked for this one. */
export const svidecarHybrid: Proxy = {
  name: 'svidecar X25519MLKEM768',
  keyExchange: 'X25519MLKEM768',
  version,
  prepare: (role) => prepare(role, ''),
}
