import { randomUUID } from 'node:crypto'
import { AvailabilityState } from '../../parsec-core/availability.js'
import { ParsecError, ResponseStatus, type DeviceObject } from '../../parsec-core/index.js'
import type { DeviceKey, KeyDevice } from '../../parsec-core/key-device.js'
import { softwareDevice, type SoftwareKey } from '../../parsec-core/providers/software/software-device.js'

interface RemovableKey extends DeviceKey {
  readonly id: string
}

/**
 * A device as a token is one: its objects stay on it when the provider closes, it can be pulled out and put back, and
 * others may take objects from it. It counts what reaches it.
 */
export class RemovableDevice implements KeyDevice<RemovableKey> {
  readonly type = 'Removable'
  readonly objects = new Map<string, SoftwareKey>()
  readonly calls: string[] = []
  readonly storesVolatileKeys: boolean
  readonly #availability = new AvailabilityState()

  constructor(options: { readonly storesVolatileKeys?: boolean } = {}) {
    this.storesVolatileKeys = options.storesVolatileKeys ?? false
  }

  get availability() {
    return this.#availability.current
  }

  readonly onAvailability = this.#availability.onChange.bind(this.#availability)

  requireSupported(...asked: Parameters<typeof softwareDevice.requireSupported>): void {
    softwareDevice.requireSupported(...asked)
  }

  pullOut(): void {
    this.#availability.lose('it was pulled out')
  }

  putBack(): void {
    this.#availability.recover()
  }

  residencyOf(origin: 'generated' | 'imported'): string {
    return origin === 'generated' ? 'generated in Removable' : 'imported into Removable'
  }

  async generateKey(attributes: Parameters<typeof softwareDevice.generateKey>[0]): Promise<RemovableKey> {
    this.calls.push('generateKey')
    const key = await softwareDevice.generateKey(attributes, { applicationIdentity: 'test', keyName: 'test' })
    const id = randomUUID()
    this.objects.set(id, key)
    return { id, publicKey: key.publicKey }
  }

  storedForm({ id }: RemovableKey): Uint8Array {
    return Buffer.from(id)
  }

  async openKey(_attributes: unknown, stored: Uint8Array): Promise<RemovableKey> {
    const id = Buffer.from(stored).toString()
    return { id, publicKey: this.#object(id).publicKey }
  }

  async verifyKey({ id }: RemovableKey): Promise<void> {
    this.#object(id)
  }

  async signMessage({ id }: RemovableKey, ...signed: readonly ['EcdsaSha256', Uint8Array]): Promise<Uint8Array> {
    this.calls.push('signMessage')
    const object = this.#object(id)
    return softwareDevice.signMessage?.(object, ...signed) ?? Promise.reject(new Error('software signs'))
  }

  async destroyKey({ id }: RemovableKey): Promise<void> {
    this.calls.push('destroyKey')
    this.objects.delete(id)
  }

  async listObjects(): Promise<readonly DeviceObject[]> {
    return [...this.objects.keys()].map((id) => ({ id, label: 'a key', reference: Buffer.from(id) }))
  }

  async destroyObject({ id }: DeviceObject): Promise<void> {
    this.objects.delete(id)
  }

  async close(): Promise<void> {}

  #object(id: string): SoftwareKey {
    const object = this.objects.get(id)
    if (object === undefined) throw new ParsecError(ResponseStatus.PsaErrorDoesNotExist, `it has no object "${id}"`)
    return object
  }
}
