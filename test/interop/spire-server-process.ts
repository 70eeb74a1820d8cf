/** SPIRE's own server from `SPIRE_BIN_DIR`, which can be stopped and started again, with or without its CA keys. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { freePort, temporaryFolder, until } from '../scenarios/running-sidecar.js'
import type { ServerUnderTest } from '../sidecar/identity/spire-server/spire-identity.js'

const binaries = process.env['SPIRE_BIN_DIR'] ?? ''

/** Why tests with it are left out; undefined when it is there. */
export const spireServerMissing: string | undefined = existsSync(join(binaries, 'spire-server'))
  ? undefined
  : 'SPIRE_BIN_DIR names no folder with spire-server'

const run = promisify(execFile)

export class SpireServerProcess implements ServerUnderTest {
  readonly address: ServerUnderTest['address']
  readonly authority = { trustDomain: 'example.org', bundlePem: '' }
  readonly #folder: string
  #child: ChildProcess | undefined

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.address = { kind: 'tcp', host: '127.0.0.1', port }
  }

  /** `caBundle`: what its attestor x509pop trusts (PEM). */
  static async start(t: TestContext, options: { readonly caBundle?: string } = {}): Promise<SpireServerProcess> {
    const server = new SpireServerProcess(temporaryFolder(t), await freePort())
    t.after(() => server.stop())
    if (options.caBundle !== undefined) writeFileSync(join(server.#folder, 'pop.pem'), options.caBundle)
    server.#writeConfig(options.caBundle !== undefined)
    await server.start()
    return server
  }

  async start(): Promise<void> {
    const config = join(this.#folder, 'server.conf')
    this.#child = spawn(join(binaries, 'spire-server'), ['run', '-config', config], { stdio: 'ignore' })
    const isHealthy = () => this.ask('healthcheck').catch(() => undefined)
    await until('spire-server is healthy', isHealthy)
    this.authority.bundlePem = await this.ask('bundle', 'show')
  }

  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** Of a stopped server: what its CA signed is nothing any more. */
  loseKeys(): void {
    rmSync(join(this.#folder, 'keys.json'))
    rmSync(join(this.#folder, 'journal.pem'), { force: true })
  }

  /** What a command of `spire-server` prints. */
  async ask(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(join(binaries, 'spire-server'), [
      ...words,
      '-socketPath',
      join(this.#folder, 's.sock'),
    ])
    return stdout
  }

  async createToken(...words: readonly string[]): Promise<string> {
    return /Token: (\S+)/.exec(await this.ask('token', 'generate', ...words))?.[1] ?? ''
  }

  tokenAgentId(token: string): string {
    return `spiffe://example.org/spire/agent/join_token/${token}`
  }

  async createEntry(spiffeId: string, parentId: string): Promise<void> {
    await this.ask(
      'entry',
      'create',
      '-parentID',
      parentId,
      '-spiffeID',
      spiffeId,
      '-selector',
      'svidecar:identity:eventbus',
    )
  }

  /** Serial number of the agent's SVID as the server knows it. */
  async agentSerial(id: string): Promise<string> {
    return /Serial number\s*:\s*(\S+)/i.exec(await this.ask('agent', 'show', '-spiffeID', id))?.[1] ?? ''
  }

  #writeConfig(withPop: boolean): void {
    const folder = this.#folder
    const pop = withPop
      ? `NodeAttestor "x509pop" { plugin_data { ca_bundle_path = "${join(folder, 'pop.pem')}" } }`
      : ''
    writeFileSync(
      join(folder, 'server.conf'),
      `
server {
  bind_address = "127.0.0.1"
  bind_port = "${this.address.port}"
  socket_path = "${join(folder, 's.sock')}"
  trust_domain = "example.org"
  data_dir = "${folder}"
  log_level = "DEBUG"
  log_file = "${join(folder, 'server.log')}"
  default_x509_svid_ttl = "10s"
  agent_ttl = "10s"
  experimental { cache_reload_interval = "1s" }
}
plugins {
  DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "${join(folder, 'db.sqlite3')}" } }
  KeyManager "disk" { plugin_data { keys_path = "${join(folder, 'keys.json')}" } }
  NodeAttestor "join_token" { plugin_data {} }
  ${pop}
}
`,
    )
  }
}
