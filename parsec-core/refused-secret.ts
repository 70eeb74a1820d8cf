import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { ParsecError, withStatus } from './errors.js'
import { ResponseStatus } from './response-status.js'

const fileName = 'refused-secrets.json'
const formatVersion = 1
/** Of one device. An operator who tries more wrong ones than this has seen the message by then. */
const maxRemembered = 8
const maxFileBytes = 1 << 20
/** A PIN has few bits, so each guess at one from the file must cost: 32 MiB and some 80 ms. */
const cost = { N: 1 << 15, r: 8, p: 1, maxmem: 64 << 20 }
const saltBytes = 16
const hashBytes = 32

interface RefusedSecret {
  /** ISO 8601. */
  readonly time: string
  readonly hash: string
}

/** One salt a device, so that looking a secret up costs one hash. */
interface RefusedByOne {
  readonly salt: string
  readonly secrets: readonly RefusedSecret[]
}

type RefusedByDevice = ReadonlyMap<string, RefusedByOne>

/**
 * PINs and authorizations a device has refused, kept across restarts: a process that is started again and again with
 * the same wrong one must not use up the device's tries. The secrets are stored as salted scrypt.
 */
export class RefusedSecrets {
  readonly #path: string
  #writing: Promise<void> = Promise.resolve()

  /** In `directory`, which exists and no other process writes to: the key store's. */
  constructor(directory: string) {
    this.#path = join(directory, fileName)
  }

  /** What to remove when a secret refused once is right by now. */
  get path(): string {
    return this.#path
  }

  /** When the device refused this secret, or undefined. Throws `PsaErrorStorageFailure` or `PsaErrorDataCorrupt`. */
  async refusedAt(device: string, secret: Uint8Array): Promise<Date | undefined> {
    const known = (await this.#read()).get(device)
    if (known === undefined) return undefined
    const hash = await hashOf(secret, known.salt)
    const found = known.secrets.find((entry) => timingSafeEqual(hash, Buffer.from(entry.hash, 'base64')))
    return found && new Date(found.time)
  }

  /** The device refused this secret; on the disk when this resolves. */
  remember(device: string, secret: Uint8Array): Promise<void> {
    return this.#change(async (all) => {
      const { salt, secrets } = all.get(device) ?? { salt: randomBytes(saltBytes).toString('base64'), secrets: [] }
      const entry = { time: new Date().toISOString(), hash: (await hashOf(secret, salt)).toString('base64') }
      all.set(device, { salt, secrets: [...secrets, entry].slice(-maxRemembered) })
    })
  }

  /** The device accepted a secret: its owner may have changed it to one that was refused before. */
  async forget(device: string): Promise<void> {
    if (!(await this.#read()).has(device)) return
    await this.#change(async (all) => {
      all.delete(device)
    })
  }

  /** One change after the other, each from what the one before left. */
  #change(step: (all: Map<string, RefusedByOne>) => Promise<void>): Promise<void> {
    const change = async () => {
      const all = new Map(await this.#read())
      await step(all)
      const text = `${JSON.stringify({ version: formatVersion, refused: Object.fromEntries(all) }, undefined, 2)}\n`
      await withStatus(ResponseStatus.PsaErrorStorageFailure, `cannot write "${this.#path}"`, () =>
        writeFileAtomic(this.#path, text, { mode: 0o600 }),
      )
    }
    this.#writing = this.#writing.then(change, change)
    return this.#writing
  }

  async #read(): Promise<RefusedByDevice> {
    const text = await withStatus(ResponseStatus.PsaErrorStorageFailure, `cannot read "${this.#path}"`, () =>
      readFile(this.#path, 'utf8').catch((error: unknown) => {
        if (isMissing(error)) return undefined
        throw error
      }),
    )
    return text === undefined ? new Map() : parseRefused(text, this.#path)
  }
}

function hashOf(secret: Uint8Array, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, Buffer.from(salt, 'base64'), hashBytes, cost, (error, hash) =>
      error ? reject(error) : resolve(hash),
    )
  })
}

/** A file that cannot be understood is refused: to go on without it could cost the device its last try. */
function parseRefused(text: string, path: string): RefusedByDevice {
  try {
    if (text.length > maxFileBytes) throw new RangeError('too large')
    const read: unknown = JSON.parse(text)
    if (!isRecord(read) || read['version'] !== formatVersion || !isRecord(read['refused'])) throw new TypeError('shape')
    return new Map(Object.entries(read['refused']).map(([device, known]) => [device, parseRefusedByOne(known)]))
  } catch (error) {
    const message = `"${path}" is damaged: remove it when the PIN or authorization in use is right`
    throw new ParsecError(ResponseStatus.PsaErrorDataCorrupt, message, { cause: error })
  }
}

function parseRefusedByOne(known: unknown): RefusedByOne {
  if (!isRecord(known) || typeof known['salt'] !== 'string' || !Array.isArray(known['secrets'])) {
    throw new TypeError('no device')
  }
  const secrets = known['secrets'].map((entry: unknown) => {
    if (!isRecord(entry) || typeof entry['time'] !== 'string' || typeof entry['hash'] !== 'string') {
      throw new TypeError('no entry')
    }
    const { time, hash } = { time: entry['time'], hash: entry['hash'] }
    if (Number.isNaN(Date.parse(time))) throw new TypeError('time')
    if (Buffer.from(hash, 'base64').length !== hashBytes) throw new TypeError('hash')
    return { time, hash }
  })
  return { salt: known['salt'], secrets }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
