import { Tpm, TpmError, type TpmInfo } from '../../../native/index.js'
import { AvailabilityState, type Availability, type AvailabilityListener } from '../../availability.js'
import { ParsecError } from '../../errors.js'
import type { OwnerAuthorization } from './owner-authorization.js'
import { meansLost, toParsecError } from './status.js'
import type { Tcti } from './tcti.js'

export interface TpmConnectionOptions {
  readonly tcti: Tcti
  readonly ownerAuthorization: OwnerAuthorization
  readonly saltedSessions: boolean
  readonly operationTimeoutMs: number
}

const firstPauseMs = 100
const longestPauseMs = 5_000

/** A TPM that is opened again, and again, when it is lost. */
export class TpmConnection {
  readonly #tpm: Tpm
  readonly #options: TpmConnectionOptions
  readonly #state = new AvailabilityState()
  #info: TpmInfo
  #reopening: NodeJS.Timeout | undefined
  #closed = false

  private constructor(tpm: Tpm, info: TpmInfo, options: TpmConnectionOptions) {
    this.#tpm = tpm
    this.#info = info
    this.#options = options
  }

  /** Throws `ParsecError` when there is no TPM, no libtss2, or the authorization is wrong. */
  static async open(options: TpmConnectionOptions): Promise<TpmConnection> {
    const { tcti, saltedSessions, operationTimeoutMs } = options
    let tpm: Tpm | undefined
    try {
      tpm = Tpm.start({ tcti: tcti.text, saltedSessions, operationTimeoutMs })
      return new TpmConnection(tpm, await openTpm(tpm, options), options)
    } catch (error) {
      await tpm?.close()
      throw atOpening(error, tcti)
    }
  }

  /** What the TPM said of itself when it was opened last. */
  get info(): TpmInfo {
    return this.#info
  }

  get availability(): Availability {
    return this.#state.current
  }

  onAvailability(listener: AvailabilityListener): () => void {
    return this.#state.onChange(listener)
  }

  /** Runs one operation. Throws `ParsecError`; after a failure of the TPM's own it is lost, and opened again. */
  async use<Value>(operation: (tpm: Tpm) => Promise<Value>): Promise<Value> {
    try {
      return await operation(this.#tpm)
    } catch (error) {
      if (meansLost(error)) this.#lose(error.message)
      throw toParsecError(error)
    }
  }

  /**
   * The TPM answers, and is not the one it was: whoever holds keys of its former self has to be told. It counts as lost
   * until it is opened anew.
   */
  noteReplaced(): void {
    this.#lose('the TPM was cleared or replaced')
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#reopening)
    await this.#tpm.close()
  }

  #lose(reason: string): void {
    if (this.#closed) return
    const wasLost = this.#state.current.state === 'lost'
    this.#state.lose(reason)
    if (!wasLost) this.#reopenAfter(0)
  }

  #reopenAfter(pauseMs: number): void {
    this.#reopening = setTimeout(() => {
      void this.#reopen(Math.min(Math.max(firstPauseMs, pauseMs * 2), longestPauseMs))
    }, pauseMs)
    // Waiting for a TPM keeps no process alive that has nothing else to do.
    this.#reopening.unref()
  }

  async #reopen(nextPauseMs: number): Promise<void> {
    try {
      this.#info = await openTpm(this.#tpm, this.#options)
    } catch (error) {
      if (this.#closed) return
      this.#state.lose(error instanceof Error ? error.message : String(error))
      this.#reopenAfter(nextPauseMs)
      return
    }
    if (!this.#closed) this.#state.recover()
  }
}

async function openTpm(tpm: Tpm, { ownerAuthorization }: TpmConnectionOptions): Promise<TpmInfo> {
  const secret = await ownerAuthorization.read()
  try {
    const info = await tpm.open(secret)
    await ownerAuthorization.accepted()
    return info
  } catch (error) {
    if (error instanceof TpmError && error.code === 'ERR_TPM_AUTHORIZATION') await ownerAuthorization.refused(secret)
    throw error
  } finally {
    secret.fill(0)
  }
}

const advice: Partial<Record<TpmError['code'], string>> = {
  ERR_TPM_LOST: 'is it there, and may this user open it?',
  ERR_TPM_TIMEOUT: 'is it there, and not stopped?',
  ERR_TPM_AUTHORIZATION: 'is the owner authorization right?',
}

function atOpening(error: unknown, { text, plugin }: Tcti): unknown {
  const converted = toParsecError(error)
  if (!(error instanceof TpmError) || !(converted instanceof ParsecError)) return converted
  const help = error.code === 'ERR_TPM_NO_TRANSPORT' ? `install ${plugin}` : advice[error.code]
  const message = `cannot open the TPM "${text}": ${error.message}${help === undefined ? '' : `; ${help}`}`
  return new ParsecError(converted.status, message, { cause: error })
}
