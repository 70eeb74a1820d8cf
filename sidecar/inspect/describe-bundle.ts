import { X509Certificate, type KeyObject } from 'node:crypto'
import {
  parseSpiffeId,
  parseTrustDomain,
  SpiffeBundle,
  trustDomainOf,
  type JwtAuthorities,
  type TrustDomain,
} from '../../workload-api/index.js'
import { describeAuthority, keyOf, type Description } from './describe-chain.js'

/** A document does not say whose it is. */
const unstated = parseTrustDomain('unstated')

/** Whether a text can be the trust bundle format: JSON is no PEM, no DER and no token. */
export function isDocument(content: Buffer): boolean {
  return /^\s*\{/u.test(content.subarray(0, 256).toString('latin1'))
}

/** Tells of a document in the trust bundle format (Trust Domain and Bundle section 4). Throws `SpiffeError`. */
export function describeBundle(content: Buffer, now: Date): readonly Description[] {
  const bundle = SpiffeBundle.parse(unstated, content)
  const { x509Authorities, jwtAuthorities, sequenceNumber, refreshHintSeconds } = bundle
  const trustDomain = x509Authorities.map(trustDomainOfAuthority).find((name) => name !== undefined)
  const isEmpty = x509Authorities.length === 0 && jwtAuthorities.size === 0
  return [
    {
      title: 'trust bundle',
      rows: [
        ['trust domain', trustDomain ?? '(a document does not say, and no authority of it does)'],
        ['sequence', sequenceNumber === undefined ? '(none)' : String(sequenceNumber)],
        ['refresh', refreshHintSeconds === undefined ? '(no hint)' : `every ${refreshHintSeconds} s`],
        ['holds', `${x509Authorities.length} X.509 authorities, ${jwtAuthorities.size} JWT authorities`],
      ],
      faults: isEmpty ? ['the bundle is empty: nobody of its trust domain is trusted'] : [],
    },
    ...x509Authorities.map((der) => describeAuthority(der, now)),
    ...describeJwtAuthorities(jwtAuthorities),
  ]
}

export function describeJwtAuthorities(authorities: JwtAuthorities, of = ''): readonly Description[] {
  return [...authorities].map(([keyId, key]) => describeJwtAuthority(keyId, key, of))
}

function describeJwtAuthority(keyId: string, key: KeyObject, of: string): Description {
  return {
    title: `JWT authority${of}`,
    rows: [
      ['key ID', keyId],
      ['key', keyOf(key)],
    ],
    faults: [],
  }
}

function trustDomainOfAuthority(der: Uint8Array): TrustDomain | undefined {
  const [uri] = /spiffe:\/\/[^\s,"]+/u.exec(new X509Certificate(der).subjectAltName ?? '') ?? []
  try {
    return uri === undefined ? undefined : trustDomainOf(parseSpiffeId(uri))
  } catch {
    // An authority need not name itself, so one that does it badly is nobody's fault to tell.
    return undefined
  }
}
