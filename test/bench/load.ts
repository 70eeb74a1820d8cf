import { join } from 'node:path'
import { LineProcess } from './child-process.js'
import type { Certificates, Strangers } from './certificates.js'

/** What the load generator says of a finished measurement; its fields are in its report.rs. */
export interface LoadResult {
  readonly done: number
  readonly failed: number
  readonly bytes: number
  readonly seconds: number
  readonly p50_us: number
  readonly p99_us: number
  readonly max_us: number
  readonly cpu_seconds: number
  /** Its threads ready to run, but without a processor. */
  readonly wait_seconds: number
}

export type LoadMode = 'handshakes' | 'upload' | 'download' | 'roundtrips' | 'idle'
export type Flags = Readonly<Record<string, string | number>>

const flagWords = (flags: Flags): string[] =>
  Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])

function field(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined
}

function numberField(object: unknown, name: string): number {
  const value = field(object, name)
  if (typeof value !== 'number') throw new TypeError(`the load generator did not say "${name}"`)
  return value
}

/** A backend process; `address` is where it listens. */
export class Backend implements AsyncDisposable {
  private constructor(
    readonly address: string,
    private readonly process: LineProcess,
  ) {}

  static async start(load: Load, listen: string, tls: boolean): Promise<Backend> {
    const flags = tls ? load.tlsFlags('server') : {}
    const process = new LineProcess(load.binary, ['backend', ...flagWords({ listen, ...flags })])
    const address = field(await process.next(), 'listening')
    if (typeof address !== 'string') throw new TypeError('the backend did not say where it listens')
    return new Backend(address, process)
  }

  get pid(): number {
    return this.process.pid
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]()
  }
}

/** Connections held open; the tunnel's memory is read between the stages. */
export class HeldConnections implements AsyncDisposable {
  constructor(private readonly process: LineProcess) {}

  /** The number of connections held once the next stage is reached; throws when one failed. */
  async stage(): Promise<number> {
    const line = await this.process.next()
    const failed = numberField(line, 'failed')
    if (failed > 0) throw new Error(`${failed} idle connections could not be opened`)
    return numberField(line, 'holding')
  }

  proceed(): void {
    this.process.proceed()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]()
  }
}

export interface LoadOptions {
  readonly root: string
  readonly certificates: Certificates
  readonly keyExchange?: string
  /** With them, the end that speaks TLS itself is another peer in each connection. */
  readonly strangers?: Strangers | undefined
}

/** Starts the load generator's processes. `tls`: the callers speak TLS themselves (the tunnel is a server). */
export class Load {
  readonly binary: string
  #connections = 0

  constructor(private readonly options: LoadOptions) {
    this.binary = join(options.root, 'target', 'release', 'svidecar-load')
  }

  /** For the end that speaks TLS itself. */
  tlsFlags(end: 'server' | 'client'): Flags {
    const { certificates, keyExchange = 'X25519', strangers } = this.options
    const { cert, key } = certificates[end]
    const flags = { cert, key, ca: certificates.ca, 'key-exchange': keyExchange }
    if (strangers === undefined) return flags
    return { ...flags, key: strangers.key, identities: strangers.file, 'first-identity': this.#connections }
  }

  #callers(mode: LoadMode, connect: string, tls: boolean, flags: Flags): LineProcess {
    const tlsWords = tls ? this.tlsFlags('client') : {}
    return new LineProcess(this.binary, [mode, ...flagWords({ connect, ...tlsWords, ...flags })])
  }

  /** One measurement; any failed connection makes it worthless, so it throws. */
  async run(mode: LoadMode, connect: string, tls: boolean, flags: Flags): Promise<LoadResult> {
    await using process = this.#callers(mode, connect, tls, flags)
    this.#connections += Number(flags['count'] ?? 0) // the next process goes on with peers that were not there yet
    const line = await process.next()
    const failed = numberField(line, 'failed')
    if (failed > 0) throw new Error(`${failed} of the connections of "${mode}" failed`)
    const names = ['done', 'bytes', 'seconds', 'p50_us', 'p99_us', 'max_us', 'cpu_seconds', 'wait_seconds'] as const
    return Object.fromEntries(
      [...names, 'failed'].map((name) => [name, numberField(line, name)]),
    ) as unknown as LoadResult
  }

  hold(connect: string, tls: boolean, flags: Flags): HeldConnections {
    return new HeldConnections(this.#callers('idle', connect, tls, flags))
  }
}
