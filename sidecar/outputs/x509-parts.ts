import { X509Certificate } from 'node:crypto'
import type { Signer } from '../../parsec-core/index.js'
import { trustDomainOf, writePem } from '../../workload-api/index.js'
import type { OutputConfig } from '../config/output-model.js'
import { OutputError } from './errors.js'
import type { SvidMaterial } from './svid-material.js'

/** The contents of the X.509 files as PEM. */
export interface X509Parts {
  readonly chain: string
  readonly bundle: string
  /** By the name of the trust domain. */
  readonly bundles: ReadonlyMap<string, string>
}

type Choices = Pick<OutputConfig, 'addIntermediatesToBundle' | 'includeFederatedDomains' | 'omitExpired'>

/** Throws `OutputError` `ERR_OUTPUT_BUNDLE_MISSING`. */
export function x509PartsOf(material: SvidMaterial, choices: Choices, now: number): X509Parts {
  const [leaf, ...intermediates] = material.chain
  const ownDomain = trustDomainOf(material.spiffeId)
  const own = material.bundles.get(ownDomain)
  if (leaf === undefined || own === undefined) {
    throw new OutputError('ERR_OUTPUT_BUNDLE_MISSING', `there is no bundle of the trust domain "${ownDomain}"`)
  }
  const federated = [...material.bundles].filter(([trustDomain]) => trustDomain !== ownDomain)
  const pem = (certificates: readonly Uint8Array[]) =>
    pemOf(choices.omitExpired ? unexpired(certificates, now) : certificates)
  const rest = pem(intermediates)
  return {
    // The leaf stays whatever its date: an empty file would say less than an expired one.
    chain: pemOf([leaf]) + (choices.addIntermediatesToBundle ? '' : rest),
    bundle:
      pem(own.x509Authorities) +
      (choices.includeFederatedDomains ? federated.map(([, bundle]) => pem(bundle.x509Authorities)).join('') : '') +
      (choices.addIntermediatesToBundle ? rest : ''),
    bundles: new Map([...material.bundles].map(([name, bundle]) => [name, pem(bundle.x509Authorities)])),
  }
}

/** The private key as PEM (PKCS#8). Throws `OutputError` for one that does not leave its device. */
export function keyPemOf({ signer, spiffeId }: SvidMaterial): string {
  if (signer.exportForDataPlane === undefined) {
    throw new OutputError(
      'ERR_OUTPUT_KEY_NOT_EXPORTABLE',
      `the key of "${spiffeId}" (${signer.residency}) does not leave its device: declare a second identity for the files`,
    )
  }
  if (lastKey?.signer === signer) return lastKey.pem
  const pkcs8 = signer.exportForDataPlane()
  try {
    const pem = writePem('PRIVATE KEY', pkcs8)
    keepShortly({ signer, pem })
    return pem
  } finally {
    pkcs8.fill(0)
  }
}

/** Many outputs of one identity are written one after the other; then the text is let go. */
const lastKeyMs = 1000
let lastKey: { readonly signer: Signer; readonly pem: string } | undefined

function keepShortly(key: NonNullable<typeof lastKey>): void {
  lastKey = key
  setTimeout(() => {
    if (lastKey === key) lastKey = undefined
  }, lastKeyMs).unref()
}

/** Many outputs of one identity write the same certificates. */
const written = new WeakMap<Uint8Array, string>()

function pemOf(certificates: readonly Uint8Array[]): string {
  return certificates
    .map((certificate) => {
      const pem = written.get(certificate) ?? writePem('CERTIFICATE', certificate)
      written.set(certificate, pem)
      return pem
    })
    .join('')
}

function unexpired(certificates: readonly Uint8Array[], now: number): readonly Uint8Array[] {
  return certificates.filter((certificate) => Date.parse(new X509Certificate(certificate).validTo) >= now)
}
