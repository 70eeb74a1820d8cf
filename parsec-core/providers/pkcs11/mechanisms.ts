import { describeAlgorithm, type Algorithm, type HashName } from '../../algorithm.js'
import { derNull, derObjectIdentifier, derOctetString, derSequence } from '../../x509/der-writer.js'
import { ckg, ckm } from './cryptoki.js'

/** CK_MECHANISM as pkcs11js takes it. */
export interface SigningMechanism {
  readonly mechanism: number
  readonly parameter?: {
    readonly type: number
    readonly hashAlg: number
    readonly mgf: number
    readonly saltLen: number
  }
}

/** pkcs11js' number of CK_RSA_PKCS_PSS_PARAMS. */
const pssParameters = 5

const hashes: Readonly<Record<HashName, { mechanism: number; mgf: number; objectIdentifier: string }>> = {
  sha256: { mechanism: ckm.sha256, mgf: ckg.mgf1Sha256, objectIdentifier: '2.16.840.1.101.3.4.2.1' },
  sha384: { mechanism: ckm.sha384, mgf: ckg.mgf1Sha384, objectIdentifier: '2.16.840.1.101.3.4.2.2' },
  sha512: { mechanism: ckm.sha512, mgf: ckg.mgf1Sha512, objectIdentifier: '2.16.840.1.101.3.4.2.3' },
}

/** The mechanism that signs what `signingInputOf` gives. The hash is made here: not every token has it combined. */
export function signingMechanismOf(algorithm: Algorithm): SigningMechanism {
  const { scheme, hash, hashLength } = describeAlgorithm(algorithm)
  switch (scheme) {
    case 'ecdsa':
      return { mechanism: ckm.ecdsa }
    case 'rsa-pkcs1v15':
      return { mechanism: ckm.rsaPkcs }
    case 'rsa-pss': {
      const { mechanism: hashAlg, mgf } = hashes[hash]
      return { mechanism: ckm.rsaPkcsPss, parameter: { type: pssParameters, hashAlg, mgf, saltLen: hashLength } }
    }
  }
}

/** What the mechanism signs for a hash: PKCS#1 v1.5 wants it in a DigestInfo (RFC 8017, 9.2), the others as it is. */
export function signingInputOf(algorithm: Algorithm, hash: Uint8Array): Uint8Array {
  const { scheme, hash: name } = describeAlgorithm(algorithm)
  if (scheme !== 'rsa-pkcs1v15') return hash
  const identifier = derSequence(derObjectIdentifier(hashes[name].objectIdentifier), derNull())
  return derSequence(identifier, derOctetString(hash))
}
