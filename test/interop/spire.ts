/** SPIRE's own server and agent, from `SPIRE_BIN_DIR`, on loopback and in a temporary folder. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { freePort, until } from '../scenarios/running-sidecar.js'

export const spireBinDir = process.env['SPIRE_BIN_DIR'] ?? ''

/** For `skip`: SPIRE is neither of this project nor of any system's packages. */
export const spireMissing =
  !existsSync(join(spireBinDir, 'spire-server')) && 'SPIRE_BIN_DIR names no folder with spire-server and spire-agent'

const run = promisify(execFile)

/** A process that is started again after `stop`, and stopped when the test ends. */
class Daemon {
  readonly #program: string
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  #output = ''

  constructor(t: TestContext, program: string, args: readonly string[]) {
    this.#program = program
    this.#args = args
    t.after(() => this.stop())
  }

  /** Resolves when `isUp`. */
  async start(isUp: () => Promise<boolean>): Promise<void> {
    const child = spawn(join(spireBinDir, this.#program), this.#args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (this.#output = (this.#output + String(chunk)).slice(-4_000)))
    }
    this.#child = child
    await until(`${this.#program} is up`, async () => {
      if (child.exitCode !== null) throw new Error(`${this.#program} ended:\n${this.#output}`)
      return (await isUp()) || undefined
    })
  }

  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null) return
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await closed
  }
}

export interface SpireServerOptions {
  readonly trustDomain: string
  readonly svidTtl: string
  /** The root of a nested server: it gets its authority from there, with the SVID of that agent's socket. */
  readonly upstream?: { readonly port: number; readonly agentSocket: string }
}

export class SpireServer {
  readonly port: number
  readonly socket: string
  readonly trustDomain: string

  private constructor(port: number, socket: string, trustDomain: string) {
    this.port = port
    this.socket = socket
    this.trustDomain = trustDomain
  }

  static async start(t: TestContext, folder: string, options: SpireServerOptions): Promise<SpireServer> {
    mkdirSync(folder)
    const server = new SpireServer(await freePort(), join(folder, 's.sock'), options.trustDomain)
    const config = join(folder, 'server.conf')
    writeFileSync(config, server.#config(folder, options))
    await new Daemon(t, 'spire-server', ['run', '-config', config]).start(() =>
      server.ask('healthcheck').then(
        () => true,
        () => false,
      ),
    )
    return server
  }

  /** What a command of `spire-server` prints. */
  async ask(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(join(spireBinDir, 'spire-server'), [...words, '-socketPath', this.socket])
    return stdout
  }

  /** Makes an entry below the agent; resolves with its ID. */
  async createEntry(agentId: string, path: string, ...words: readonly string[]): Promise<string> {
    const id = `spiffe://${this.trustDomain}${path}`
    const printed = await this.ask('entry', 'create', '-parentID', agentId, '-spiffeID', id, ...words)
    const [, entryId] = /^Entry ID\s*:\s*(\S+)/mu.exec(printed) ?? []
    if (entryId === undefined) throw new Error(printed)
    return entryId
  }

  async deleteEntry(entryId: string): Promise<void> {
    await this.ask('entry', 'delete', '-entryID', entryId)
  }

  #config(folder: string, { svidTtl, upstream }: SpireServerOptions): string {
    const authority =
      upstream &&
      `UpstreamAuthority "spire" { plugin_data {
        server_address = "127.0.0.1" server_port = "${upstream.port}" workload_api_socket = "${upstream.agentSocket}" } }`
    return `
server {
  bind_address = "127.0.0.1"
  bind_port = "${this.port}"
  socket_path = "${this.socket}"
  trust_domain = "${this.trustDomain}"
  data_dir = "${folder}"
  log_level = "WARN"
  default_x509_svid_ttl = "${svidTtl}"
  agent_ttl = "1h"
  experimental { cache_reload_interval = "1s" }
}
plugins {
  DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "${join(folder, 'db.sqlite3')}" } }
  KeyManager "memory" { plugin_data {} }
  NodeAttestor "join_token" { plugin_data {} }
  ${authority ?? ''}
}
`
  }
}

/** An agent of a server, which can be restarted. */
export class SpireAgent {
  readonly socket: string
  readonly id: string
  readonly #daemon: Daemon

  private constructor(socket: string, id: string, daemon: Daemon) {
    this.socket = socket
    this.id = id
    this.#daemon = daemon
  }

  static async start(t: TestContext, folder: string, server: SpireServer): Promise<SpireAgent> {
    mkdirSync(folder)
    const socket = join(folder, 'a.sock')
    const token = /Token: (\S+)/u.exec(await server.ask('token', 'generate'))?.[1] ?? ''
    const bundle = join(folder, 'bootstrap.pem')
    writeFileSync(bundle, await server.ask('bundle', 'show'))
    const config = join(folder, 'agent.conf')
    writeFileSync(
      config,
      `
agent {
  data_dir = "${folder}"
  log_level = "WARN"
  server_address = "127.0.0.1"
  server_port = "${server.port}"
  socket_path = "${socket}"
  trust_bundle_path = "${bundle}"
  trust_domain = "${server.trustDomain}"
  join_token = "${token}"
  experimental { sync_interval = "1s" }
}
plugins {
  KeyManager "disk" { plugin_data { directory = "${folder}" } }
  NodeAttestor "join_token" { plugin_data {} }
  WorkloadAttestor "unix" { plugin_data { discover_workload_path = true } }
}
`,
    )
    const id = `spiffe://${server.trustDomain}/spire/agent/join_token/${token}`
    const agent = new SpireAgent(socket, id, new Daemon(t, 'spire-agent', ['run', '-config', config]))
    await agent.start()
    return agent
  }

  async start(): Promise<void> {
    const check = ['healthcheck', '-socketPath', this.socket]
    await this.#daemon.start(() =>
      run(join(spireBinDir, 'spire-agent'), check).then(
        () => true,
        () => false,
      ),
    )
  }

  /** Killed: its socket stays behind. */
  async kill(): Promise<void> {
    await this.#daemon.stop()
  }
}
