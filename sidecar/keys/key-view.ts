import { signingKeyTypeOf, type DeviceObject, type KeyInfo, type Provider } from '../../parsec-core/index.js'

/** A key as `svidecar keys --json` prints it and the admin socket answers. */
export interface KeyView {
  readonly name: string
  /** The label of the `key_provider` block. */
  readonly provider: string
  readonly providerType: string
  /** Who owns it: `svidecar/identity/NAME`, `svidecar/authority/NAME`, `svidecar/operator`. */
  readonly identity: string
  /** As `key_type` is written: `ec-p256`. */
  readonly type: string
  /** `generated in Pkcs11`, `imported into Tpm`, `software`. */
  readonly residency: string
  readonly lifetime: string
  /** Why the device no longer has it; null for a key that is there. */
  readonly missing: string | null
}

/** An object of a device that belongs to no key known here. */
export interface OrphanView {
  readonly provider: string
  readonly providerType: string
  readonly id: string
  readonly label: string
  readonly removed: boolean
}

export function keyView(provider: Provider, { identity, attributes, residency, missing }: KeyInfo): KeyView {
  return {
    name: identity.keyName,
    provider: provider.name,
    providerType: provider.type,
    identity: identity.applicationIdentity,
    type: signingKeyTypeOf(attributes) ?? attributes.keyType.kind,
    residency,
    lifetime: attributes.lifetime,
    missing: missing ?? null,
  }
}

export function orphanView(provider: Provider, { id, label }: DeviceObject, removed: boolean): OrphanView {
  return { provider: provider.name, providerType: provider.type, id, label, removed }
}
