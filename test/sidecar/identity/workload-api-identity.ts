import { openMemoryProvider, type Provider } from '../../../parsec-core/index.js'
import type { WorkloadApiIdentityConfig } from '../../../sidecar/config/index.js'
import { ManagedIdentity } from '../../../sidecar/identity/managed-identity.js'
import { WorkloadApiSource } from '../../../sidecar/identity/workload-api-source.js'
import { createLogger } from '../../../sidecar/log/logger.js'

export interface LogRecord {
  readonly level: string
  readonly message: string
  readonly error?: string
  readonly retryInMs?: number
}

/** An identity of source `workload-api` as `svidecar run` has it, with every line it logged. */
export class FollowedIdentity implements AsyncDisposable {
  readonly lines: LogRecord[] = []
  readonly #waiting = new Set<() => void>()
  readonly managed: ManagedIdentity

  private constructor(
    readonly provider: Provider,
    config: WorkloadApiIdentityConfig,
  ) {
    const writeLine = (line: string) => {
      this.lines.push(JSON.parse(line))
      this.#wake()
    }
    this.managed = new ManagedIdentity(
      config,
      createLogger({ writeLine, flush: () => Promise.resolve(), lostLines: 0 }, { level: 'debug', format: 'json' }),
    )
    const { onEvent, onRecovered, onWarning } = this.managed
    const backoff = { initialMs: 5, maxMs: 40 }
    this.managed.onChange(() => this.#wake())
    this.managed.start(new WorkloadApiSource(config, { provider, onEvent, onRecovered, onWarning, backoff }))
  }

  static async follow(
    socket: string,
    choice: { spiffeId?: string; hint?: string } = {},
    change: (provider: Provider) => Provider = (provider) => provider,
  ): Promise<FollowedIdentity> {
    const provider = change(await openMemoryProvider('memory'))
    return new FollowedIdentity(provider, {
      name: 'edge',
      source: 'workload-api',
      spiffeId: choice.spiffeId,
      hint: choice.hint,
      keyProvider: undefined,
      agentAddress: `unix://${socket}`,
    })
  }

  /** The serial number in use once it is another than `other`. */
  async untilSerial(other?: string): Promise<string> {
    for (;;) {
      const serial = this.managed.status().svid?.serialNumber
      if (serial !== undefined && serial !== other) return serial
      await this.#change()
    }
  }

  /** The first line from `since` on that the pattern fits. */
  async untilLine(pattern: RegExp, since = 0): Promise<LogRecord> {
    for (;;) {
      const line = this.lines.slice(since).find(({ message }) => pattern.test(message))
      if (line) return line
      await this.#change()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.managed.close()
    await this.provider.close()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve))
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
