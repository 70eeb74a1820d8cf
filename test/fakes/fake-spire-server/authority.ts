import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import {
  createCertificate,
  generatePrivateKey,
  openMemoryProvider,
  type Provider,
  type Signer,
} from '../../../parsec-core/index.js'
import { writePem } from '../../../workload-api/index.js'

/** A certificate authority of a fake server: as SPIRE's, its subjects and lifetimes. */
interface Ca {
  readonly signer: Signer
  readonly certificate: Uint8Array
  readonly organization: string
}

export interface ServerCertificate {
  readonly cert: string
  readonly key: string
}

let names = 0

/** The CAs of a trust domain: the one that signs now, those in the bundle, and perhaps an upstream one above. */
export class FakeAuthority {
  readonly trustDomain: string
  readonly #provider: Provider
  readonly #nested: boolean
  #upstream: Ca | undefined
  #signing!: Ca
  #bundle: { readonly der: Uint8Array; tainted: boolean }[] = []
  /** Added to this machine's time, in milliseconds: a server whose clock is another one. */
  clockAheadMs = 0
  agentTtlMs = 3_600_000
  svidTtlMs = 3_600_000

  private constructor(trustDomain: string, nested: boolean, provider: Provider) {
    this.trustDomain = trustDomain
    this.#nested = nested
    this.#provider = provider
  }

  /** `nested`: an upstream authority signs the CA, so that chains have an intermediate and the bundle its root. */
  static async create(trustDomain: string, options: { readonly nested?: boolean } = {}): Promise<FakeAuthority> {
    const authority = new FakeAuthority(trustDomain, options.nested === true, await openMemoryProvider('fake CA'))
    await authority.loseKeys()
    return authority
  }

  get bundle(): readonly { readonly der: Uint8Array; readonly tainted: boolean }[] {
    return this.#bundle
  }

  get bundlePem(): string {
    return this.#bundle.map(({ der }) => writePem('CERTIFICATE', der)).join('')
  }

  /** As a server whose key manager forgets: nothing of before is valid. */
  async loseKeys(): Promise<void> {
    this.#bundle = []
    this.#upstream = this.#nested ? await this.#makeCa(undefined) : undefined
    await this.rotate()
  }

  /** A new CA signs from now on; the one before stays in the bundle. */
  async rotate(): Promise<void> {
    this.#signing = await this.#makeCa(this.#upstream)
    const der = this.#upstream?.certificate ?? this.#signing.certificate
    if (!this.#bundle.some((held) => Buffer.from(held.der).equals(der))) this.#bundle.push({ der, tainted: false })
  }

  /** Marks every authority but the newest as about to be revoked. */
  taintOld(): void {
    for (const held of this.#bundle.slice(0, -1)) held.tainted = true
  }

  /** Leaves only the newest authority. */
  dropOld(): void {
    this.#bundle = this.#bundle.slice(-1)
  }

  /** DER, leaf first, with the intermediate where there is an upstream authority. */
  async sign(
    uri: string,
    publicKey: KeyObject,
    ttlMs: number,
  ): Promise<{ chain: Uint8Array[]; serial: string; notAfter: Date }> {
    const now = Date.now() + this.clockAheadMs
    const notAfter = new Date(now + ttlMs)
    const serialNumber = serial()
    const leaf = await createCertificate(this.#signing.signer, {
      serialNumber,
      issuer: { organization: this.#signing.organization },
      subject: { organization: 'SPIRE' },
      notBefore: new Date(now - 10_000),
      notAfter,
      publicKey,
      ca: false,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['serverAuth', 'clientAuth'],
      uri,
    })
    const chain = this.#upstream === undefined ? [leaf] : [leaf, this.#signing.certificate]
    return { chain, serial: Buffer.from(serialNumber).toString('hex'), notAfter }
  }

  /** For the server itself, or whoever claims to be it. */
  async serverCertificate(path = '/spire/server'): Promise<ServerCertificate> {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { chain } = await this.sign(`spiffe://${this.trustDomain}${path}`, publicKey, 3_600_000)
    return {
      cert: chain.map((der) => writePem('CERTIFICATE', der)).join(''),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
  }

  async #makeCa(above: Ca | undefined): Promise<Ca> {
    names += 1
    const organization = `fake CA ${names}`
    const key = { applicationIdentity: 'fake', keyName: String(names) }
    const signer = await generatePrivateKey(this.#provider, key, 'ec-p256')
    const now = Date.now() + this.clockAheadMs
    const certificate = await createCertificate(above?.signer ?? signer, {
      serialNumber: serial(),
      issuer: { organization: above?.organization ?? organization },
      subject: { organization },
      notBefore: new Date(now - 60_000),
      notAfter: new Date(now + 86_400_000),
      publicKey: signer.publicKey,
      ca: true,
      keyUsage: ['keyCertSign', 'cRLSign'],
      uri: `spiffe://${this.trustDomain}`,
    })
    return { signer, certificate, organization }
  }
}

function serial(): Uint8Array {
  return Buffer.concat([Buffer.of(0x41), randomBytes(15)])
}
