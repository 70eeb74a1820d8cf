/** The exports of the TPM's addon, as it is given them. Nothing outside of this folder sees these types. */
export interface BindingTpmInfo {
  readonly rootName: Uint8Array
  readonly rootPoint: Uint8Array
  readonly kinds: readonly string[]
  readonly algorithms: readonly string[]
}

export interface BindingTpmKey {
  publicKey(): Uint8Array
  publicArea(): Uint8Array
  wrappedPrivate(): Uint8Array
  rootName(): Uint8Array
}

export interface BindingTpm {
  open(ownerAuth: Uint8Array): Promise<BindingTpmInfo>
  generateKey(kind: string): Promise<BindingTpmKey>
  importKey(kind: string, publicKey: Uint8Array, duplicate: Uint8Array, secret: Uint8Array): Promise<BindingTpmKey>
  openKey(
    kind: string,
    publicArea: Uint8Array,
    wrappedPrivate: Uint8Array,
    rootName: Uint8Array,
  ): Promise<BindingTpmKey>
  checkKey(key: BindingTpmKey): Promise<void>
  forgetKey(key: BindingTpmKey): Promise<void>
  signHash(key: BindingTpmKey, algorithm: string, hash: Uint8Array): Promise<Uint8Array>
  random(size: number): Promise<Uint8Array>
  close(): Promise<void>
  leave(): void
}

export interface TpmBinding {
  version(): string
  startTpm(tcti: string, saltedSessions: boolean, operationTimeoutMs: number): BindingTpm
  importArea(kind: string, publicKey: Uint8Array): Uint8Array
}
