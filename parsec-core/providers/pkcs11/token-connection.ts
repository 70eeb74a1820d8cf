import { AvailabilityState, type Availability, type AvailabilityListener } from '../../availability.js'
import { isGone, ParsecError } from '../../errors.js'
import { ResponseStatus } from '../../response-status.js'
import { ModuleLost } from './module-failure.js'
import type { ModuleHost } from './module-host.js'
import type { MechanismDescription, TokenDescription } from './protocol.js'
import { shareModule, type ModuleShare } from './shared-modules.js'
import { isDoubtful, isLostToken, parsecErrorOf } from './status.js'
import { chooseToken, describeToken, type TokenName } from './token-choice.js'
import { loginToToken, type PinSettings } from './token-login.js'

export interface ConnectionSettings {
  readonly module: string
  readonly token: TokenName
  readonly pin: PinSettings
  readonly maxSessions: number
  readonly operationTimeoutMs: number
}

/** A token that is open and logged in. A new one after each time it was lost: key numbers are good for one. */
export interface OpenedToken {
  readonly host: ModuleHost
  readonly token: number
  readonly serial: string
  readonly mechanisms: readonly MechanismDescription[]
}

const firstBackoffMs = 100
const maxBackoffMs = 30_000

/** Keeps one token open: lost sessions, logins and devices are opened again, at once and then with a back-off. */
export class TokenConnection {
  readonly #settings: ConnectionSettings
  readonly #availability = new AvailabilityState()
  #share: ModuleShare | undefined
  #unlisten: (() => void) | undefined
  /** Undefined while the token is lost. */
  #opened: OpenedToken | undefined
  /** What the worker has open for this connection, of use or not. */
  #inWorker: { readonly host: ModuleHost; readonly token: number } | undefined
  #opening: Promise<OpenedToken> | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false

  private constructor(settings: ConnectionSettings) {
    this.#settings = settings
  }

  /** Throws `ParsecError` when the token cannot be opened now. */
  static async open(settings: ConnectionSettings): Promise<TokenConnection> {
    const connection = new TokenConnection(settings)
    try {
      await connection.#openToken(false)
      return connection
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  get availability(): Availability {
    return this.#availability.current
  }

  onAvailability(listener: AvailabilityListener): () => void {
    return this.#availability.onChange(listener)
  }

  get mechanisms(): readonly MechanismDescription[] {
    return this.#opened?.mechanisms ?? []
  }

  /**
   * Runs `step` on the open token. A session or login that turns out to be gone is opened anew and the step run once
   * more; what that does not mend loses the device. Throws `ParsecError`, whose message begins with `what`.
   */
  async run<Value>(what: string, step: (token: OpenedToken) => Promise<Value>): Promise<Value> {
    const token = this.#opened
    if (token === undefined) throw this.#lostError(what)
    try {
      return await step(token)
    } catch (error) {
      if (!(await this.#isLost(token, error))) throw parsecErrorOf(error, what)
    }
    const again = await this.#reopen(token)
    try {
      return await step(again)
    } catch (error) {
      const shown = parsecErrorOf(error, what)
      if (isLostToken(error)) this.#lose(messageOf(shown))
      throw shown
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#unlisten?.()
    await this.#opening?.catch(() => undefined)
    this.#opened = undefined
    await this.#closeToken().catch(() => undefined)
    await this.#share?.release()
  }

  async #isLost({ host, token }: OpenedToken, error: unknown): Promise<boolean> {
    if (!isDoubtful(error)) return isLostToken(error)
    return host.call('checkToken', { token }).then(
      () => false,
      (found: unknown) => isLostToken(found) || isDoubtful(found),
    )
  }

  /** One at a time for all who find the token gone; those who come late get the newer token. */
  async #reopen(lost: OpenedToken): Promise<OpenedToken> {
    if (this.#opened !== undefined && this.#opened !== lost) return this.#opened
    try {
      return await this.#open(false)
    } catch (error) {
      this.#lose(messageOf(error))
      throw error
    }
  }

  #open(again: boolean): Promise<OpenedToken> {
    this.#opening ??= this.#openToken(again).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openToken(again: boolean): Promise<OpenedToken> {
    try {
      const host = await this.#host()
      await this.#closeToken()
      if (again) await host.call('initializeAgain', {})
      const info = await this.#findToken(host, again)
      const { slot, serial } = info
      const { token, mechanisms } = await host.call('openToken', { slot, maxSessions: this.#settings.maxSessions })
      this.#inWorker = { host, token }
      await loginToToken(host, token, info, this.#settings.pin)
      this.#requireNotClosed()
      this.#opened = { host, token, serial, mechanisms }
      return this.#opened
    } catch (error) {
      throw parsecErrorOf(error, `cannot open the token ${describeToken(this.#settings.token)}`)
    }
  }

  /** Some modules see a token that was not there at the start only when they start anew. */
  async #findToken(host: ModuleHost, startedAnew: boolean): Promise<TokenDescription> {
    try {
      return chooseToken(await host.call('listTokens', {}), this.#settings.token)
    } catch (error) {
      if (startedAnew || this.#share?.alone !== true || !isGone(error)) throw error
    }
    await host.call('initializeAgain', {})
    return chooseToken(await host.call('listTokens', {}), this.#settings.token)
  }

  async #closeToken(): Promise<void> {
    const open = this.#inWorker
    this.#inWorker = undefined
    if (open !== undefined && !open.host.ended) await open.host.call('closeToken', { token: open.token })
  }

  async #host(): Promise<ModuleHost> {
    if (this.#share && !this.#share.host.ended) return this.#share.host
    this.#unlisten?.()
    await this.#share?.release()
    this.#share = await shareModule(this.#settings.module, this.#settings.operationTimeoutMs)
    const { host } = this.#share
    this.#unlisten = host.listen({
      onLost: (reason) => this.#lose(reason),
      onReturned: () => this.#tryAgain(0, firstBackoffMs),
    })
    if (host.lost !== undefined) throw new ModuleLost(host.lost)
    return host
  }

  #lose(reason: string): void {
    if (this.#closed) return
    this.#opened = undefined
    this.#availability.lose(reason)
    this.#tryAgain(firstBackoffMs, firstBackoffMs)
  }

  #tryAgain(inMs: number, backoffMs: number): void {
    clearTimeout(this.#retry)
    if (this.#closed) return
    this.#retry = setTimeout(() => void this.#attempt(backoffMs), inMs)
    this.#retry.unref()
  }

  async #attempt(backoffMs: number): Promise<void> {
    // Waits for the call that does not return; its return comes here again.
    if (this.#share?.host.lost !== undefined && !this.#share.host.ended) return
    try {
      await this.#open(backoffMs > firstBackoffMs && this.#share?.alone === true)
      this.#availability.recover()
    } catch (error) {
      if (this.#closed) return
      this.#availability.lose(messageOf(error))
      this.#tryAgain(backoffMs, Math.min(backoffMs * 2, maxBackoffMs))
    }
  }

  #requireNotClosed(): void {
    if (this.#closed) throw new ParsecError(ResponseStatus.PsaErrorBadState, 'the provider is closed')
  }

  #lostError(what: string): ParsecError {
    const { current } = this.#availability
    const reason = current.state === 'lost' ? current.reason : 'the provider is closed'
    return new ParsecError(ResponseStatus.PsaErrorCommunicationFailure, `${what}: ${reason}`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
