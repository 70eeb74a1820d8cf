import type { KeyObject } from 'node:crypto'
import { readPem, writePem } from '../encoding/pem.js'
import { SpiffeError } from '../errors.js'
import type { SpiffeId } from '../spiffe-id/spiffe-id.js'
import { certificatesOfPem, maxChainLength, readCertificate, splitCertificates } from './certificate.js'
import { readPrivateKey } from './private-key.js'
import { readLeaf, type X509SvidFields } from './verify-x509-svid.js'

/**
 * An X.509-SVID with its private key: the leaf keeps the rules of X509-SVID and the key fits it. Who issued it and
 * whether it is valid now is for `verifyX509Svid` to say. Immutable.
 */
export class X509Svid implements X509SvidFields {
  readonly id: SpiffeId
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  readonly privateKey: KeyObject
  /** What the issuer calls this identity (Workload API section 8); empty when it does not. */
  readonly hint: string
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date

  private constructor(chain: readonly Uint8Array[], privateKey: KeyObject, hint: string, fields: X509SvidFields) {
    this.id = fields.id
    this.chain = Object.freeze([...chain])
    this.privateKey = privateKey
    this.hint = hint
    this.serialNumber = fields.serialNumber
    this.notBefore = fields.notBefore
    this.notAfter = fields.notAfter
  }

  /**
   * Reads what the Workload API sends: concatenated DER certificates, leaf first, 1 to 32 of them, and an unencrypted
   * PKCS#8 key. The bytes are copied; they stay the caller's, to wipe.
   *
   * @throws {SpiffeError} `ERR_X509_SVID_MALFORMED`, `ERR_X509_SVID_INVALID`, `ERR_X509_SVID_KEY_INVALID` or
   *   `ERR_X509_SVID_KEY_MISMATCH`
   */
  static parse(chainDer: Uint8Array, pkcs8Der: Uint8Array, hint = ''): X509Svid {
    return X509Svid.#from(splitCertificates(chainDer, maxChainLength), () => readPrivateKey(pkcs8Der), hint)
  }

  /**
   * Reads PEM: CERTIFICATE blocks, leaf first, and one PRIVATE KEY block.
   *
   * @throws {SpiffeError} as `parse`
   */
  static parsePem(chainPem: string, keyPem: string, hint = ''): X509Svid {
    return X509Svid.#from(certificatesOfPem(chainPem, maxChainLength), () => readPrivateKeyPem(keyPem), hint)
  }

  /** The chain and the unencrypted key as PEM. The key is then a string, which cannot be wiped. */
  toPem(): { readonly chain: string; readonly privateKey: string } {
    const chain = this.chain.map((certificate) => writePem('CERTIFICATE', certificate)).join('')
    return { chain, privateKey: this.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() }
  }

  static #from(chain: readonly Uint8Array[] | undefined, readKey: () => KeyObject, hint: string): X509Svid {
    const [leaf] = chain ?? []
    const certificate = leaf && readCertificate(leaf)
    if (chain === undefined || leaf === undefined || certificate === undefined) {
      throw new SpiffeError('ERR_X509_SVID_MALFORMED', `the chain is not a list of 1 to ${maxChainLength} certificates`)
    }
    const fields = readLeaf(leaf)
    const privateKey = readKey()
    if (!certificate.checkPrivateKey(privateKey)) {
      throw new SpiffeError('ERR_X509_SVID_KEY_MISMATCH', 'the private key does not fit the leaf certificate')
    }
    return new X509Svid(chain, privateKey, hint, fields)
  }
}

function readPrivateKeyPem(pem: string): KeyObject {
  const keys = (readPem(pem) ?? []).filter((block) => block.label === 'PRIVATE KEY')
  const [key] = keys
  try {
    // An empty input is no key: readPrivateKey says so.
    return readPrivateKey(keys.length === 1 && key ? key.der : new Uint8Array())
  } finally {
    for (const { der } of keys) der.fill(0)
  }
}
