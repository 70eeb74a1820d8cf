import { constants } from 'node:crypto'
import { describeAlgorithm, type Algorithm, type SignatureScheme } from './algorithm.js'

interface NodeSignatureOptions {
  readonly dsaEncoding?: 'ieee-p1363'
  readonly padding?: number
  readonly saltLength?: number
}

const optionsOf: Readonly<Record<SignatureScheme, NodeSignatureOptions>> = {
  ecdsa: { dsaEncoding: 'ieee-p1363' },
  'rsa-pkcs1v15': { padding: constants.RSA_PKCS1_PADDING },
  'rsa-pss': { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
}

/** What `node:crypto`'s `sign` and `verify` need beside the key to give and take signatures in PSA's format. */
export function nodeSignatureOptions(algorithm: Algorithm): NodeSignatureOptions {
  return optionsOf[describeAlgorithm(algorithm).scheme]
}
