import { writePem } from '../encoding/pem.js'
import { SpiffeError } from '../errors.js'
import type { TrustDomain } from '../spiffe-id/trust-domain.js'
import { certificatesOfPem, maxAuthorities, splitCertificates } from './certificate.js'

/** The bundles a workload holds; a peer is judged by the one of its own trust domain only. */
export type X509BundleSet = ReadonlyMap<TrustDomain, X509Bundle>

/** The X.509 authorities of one trust domain (SPIFFE Trust Domain and Bundle, section 3). Immutable, never empty. */
export class X509Bundle {
  readonly trustDomain: TrustDomain
  /** DER, in the order they came. */
  readonly x509Authorities: readonly Uint8Array[]

  private constructor(trustDomain: TrustDomain, x509Authorities: readonly Uint8Array[]) {
    this.trustDomain = trustDomain
    this.x509Authorities = Object.freeze([...x509Authorities])
  }

  /**
   * Reads concatenated DER certificates, 1 to 1,000 of them, as the Workload API sends them.
   *
   * @throws {SpiffeError} `ERR_X509_BUNDLE_INVALID`
   */
  static parse(trustDomain: TrustDomain, der: Uint8Array): X509Bundle {
    return X509Bundle.#from(trustDomain, splitCertificates(der, maxAuthorities), 'concatenated DER')
  }

  /**
   * Reads a PEM text of 1 to 1,000 CERTIFICATE blocks and no other, as files carry it.
   *
   * @throws {SpiffeError} `ERR_X509_BUNDLE_INVALID`
   */
  static parsePem(trustDomain: TrustDomain, pem: string): X509Bundle {
    return X509Bundle.#from(trustDomain, certificatesOfPem(pem, maxAuthorities), 'PEM')
  }

  /** Concatenated DER, what `parse` reads. */
  toDer(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.x509Authorities))
  }

  toPem(): string {
    return this.x509Authorities.map((authority) => writePem('CERTIFICATE', authority)).join('')
  }

  /** Whether it is the same trust domain with the same authorities in the same order. */
  equals(other: X509Bundle): boolean {
    return this.trustDomain === other.trustDomain && Buffer.from(this.toDer()).equals(other.toDer())
  }

  static #from(trustDomain: TrustDomain, authorities: readonly Uint8Array[] | undefined, form: string): X509Bundle {
    if (authorities !== undefined) return new X509Bundle(trustDomain, authorities)
    const message = `the bundle of trust domain "${trustDomain}" is not ${form} of 1 to ${maxAuthorities} certificates`
    throw new SpiffeError('ERR_X509_BUNDLE_INVALID', message)
  }
}
