import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { ParsecError, withStatus } from './errors.js'
import { ResponseStatus } from './response-status.js'

const fileName = 'refused-secrets.json'
const formatVersion = 1
/** Of one device. An operator who tries more wrong ones than this has seen the message by then. */
const maxRemembered = 16
const maxFileBytes = 1 << 20
/** A PIN has few bits, so each guess at one from the file must cost: 32 MiB and some 80 ms. */
const cost = { N: 1 << 15, r: 8, p: 1, maxmem: 64 << 20 }
const saltBytes = 16
const hashBytes = 32

interface RefusedSecret {
  /** ISO 8601. */
  readonly time: string
  readonly salt: string
  readonly hash: string
}

type RefusedByDevice = ReadonlyMap<string, readonly RefusedSecret[]>

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
    for (const entry of (await this.#read()).get(device) ?? []) {
      const hash = await hashOf(secret, Buffer.from(entry.salt, 'base64'))
      if (timingSafeEqual(hash, Buffer.from(entry.hash, 'base64'))) return new Date(entry.time)
    }
    return undefined
  }

  /** The device refused this secret; on the disk when this resolves. */
  async remember(device: string, secret: Uint8Array): Promise<void> {
    const salt = randomBytes(saltBytes)
    const hash = await hashOf(secret, salt)
    const entry = { time: new Date().toISOString(), salt: salt.toString('base64'), hash: hash.toString('base64') }
    await this.#change((before) => [...before, entry].slice(-maxRemembered), device)
  }

  /** The device accepted a secret: its owner may have changed it to one that was refused before. */
  async forget(device: string): Promise<void> {
    if ((await this.#read()).has(device)) await this.#change(() => [], device)
  }

  #change(step: (before: readonly RefusedSecret[]) => readonly RefusedSecret[], device: string): Promise<void> {
    const change = async () => {
      const all = new Map(await this.#read())
      const after = step(all.get(device) ?? [])
      if (after.length === 0) all.delete(device)
      else all.set(device, after)
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

function hashOf(secret: Uint8Array, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, hashBytes, cost, (error, hash) => (error ? reject(error) : resolve(hash)))
  })
}

/** A file that cannot be understood is refused: to go on without it could cost the device its last try. */
function parseRefused(text: string, path: string): RefusedByDevice {
  try {
    if (text.length > maxFileBytes) throw new RangeError('too large')
    const read: unknown = JSON.parse(text)
    if (!isRecord(read) || read['version'] !== formatVersion || !isRecord(read['refused'])) throw new TypeError('shape')
    return new Map(Object.entries(read['refused']).map(([device, entries]) => [device, parseEntries(entries)]))
  } catch (error) {
    const message = `"${path}" is damaged: remove it when the PIN or authorization in use is right`
    throw new ParsecError(ResponseStatus.PsaErrorDataCorrupt, message, { cause: error })
  }
}

function parseEntries(entries: unknown): readonly RefusedSecret[] {
  if (!Array.isArray(entries)) throw new TypeError('no list')
  return entries.map((entry: unknown) => {
    if (!isRecord(entry)) throw new TypeError('no entry')
    const { time, salt, hash } = entry
    if (typeof time !== 'string' || typeof salt !== 'string' || typeof hash !== 'string') throw new TypeError('fields')
    if (Number.isNaN(Date.parse(time))) throw new TypeError('time')
    if (Buffer.from(hash, 'base64').length !== hashBytes) throw new TypeError('hash')
    return { time, salt, hash }
  })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
