import { X509Certificate, type KeyObject } from 'node:crypto'
import { SpiffeError, type SpiffeId, verifyX509Svid, type X509BundleSet } from '../../workload-api/index.js'
import { formatDuration } from '../admin/format-quantity.js'

/** What is told of one chain, as rows of a name and a value, and what is wrong with it. */
export interface Description {
  readonly title: string
  readonly rows: readonly (readonly [name: string, value: string])[]
  /** Empty when nothing is. */
  readonly faults: readonly string[]
}

function validityOf(certificate: X509Certificate, now: number): string {
  const from = new Date(certificate.validFrom)
  const to = new Date(certificate.validTo)
  const left = to.getTime() - now
  const state =
    from.getTime() > now
      ? 'not yet valid: is this clock right?'
      : left > 0
        ? `${formatDuration(left)} left`
        : `expired ${formatDuration(-left)} ago`
  return `${from.toISOString()} to ${to.toISOString()} (${state})`
}

/** `ec prime256v1`, `rsa 2048`. */
export function keyOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const detail = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength
  return [asymmetricKeyType, detail].filter((part) => part !== undefined).join(' ')
}

/** Node gives undefined for an empty name, whatever its types say. */
function nameOf(text: string | undefined): string {
  return text === undefined || text === '' ? '(empty)' : text.replaceAll('\n', ', ')
}

function linkOf(certificate: X509Certificate, index: number): readonly [string, string] {
  return [
    index === 0 ? 'chain' : '',
    `${index + 1}. ${nameOf(certificate.subject)}, issued by ${nameOf(certificate.issuer)}`,
  ]
}

function urisOf(certificate: X509Certificate): string {
  return certificate.subjectAltName?.replace(/^URI:(?=[^,]*$)/, '') ?? '(none)'
}

/** Tells of a chain (DER, leaf first) and judges it by the rules every peer is judged by. */
export function describeSvid(chain: readonly Uint8Array[], bundles: X509BundleSet | undefined, now: Date): Description {
  const certificates = chain.map((der) => new X509Certificate(der))
  const [leaf] = certificates
  if (leaf === undefined) return { title: 'no certificate', rows: [], faults: ['there is no certificate in it'] }
  const verdict = judge(chain, bundles, now)
  return {
    title: `X.509-SVID, ${chain.length === 1 ? '1 certificate' : `${chain.length} certificates`}`,
    rows: [
      ['SPIFFE ID', verdict.id ?? urisOf(leaf)],
      ['serial', leaf.serialNumber.toLowerCase()],
      ['valid', validityOf(leaf, now.getTime())],
      ['key', keyOf(leaf.publicKey)],
      ...certificates.map(linkOf),
      ['verdict', verdict.text],
    ],
    faults: verdict.faults,
  }
}

/** Tells of an authority of a bundle. */
export function describeAuthority(der: Uint8Array, now: Date): Description {
  const certificate = new X509Certificate(der)
  const expired = new Date(certificate.validTo).getTime() <= now.getTime()
  return {
    title: 'authority',
    rows: [
      ['SPIFFE ID', urisOf(certificate)],
      ['serial', certificate.serialNumber.toLowerCase()],
      ['valid', validityOf(certificate, now.getTime())],
      ['key', keyOf(certificate.publicKey)],
      ['subject', nameOf(certificate.subject)],
    ],
    faults: expired ? ['the authority expired: nothing it signed verifies any more'] : [],
  }
}

interface Verdict {
  readonly id: SpiffeId | undefined
  readonly text: string
  readonly faults: readonly string[]
}

function judge(chain: readonly Uint8Array[], bundles: X509BundleSet | undefined, time: Date): Verdict {
  try {
    const { id } = verifyX509Svid(chain, bundles ?? new Map(), { time })
    return { id, text: "valid, verified against its trust domain's bundle", faults: [] }
  } catch (error) {
    if (!(error instanceof SpiffeError)) throw error
    if (bundles === undefined && error.code === 'ERR_X509_BUNDLE_NOT_FOUND') {
      return {
        id: undefined,
        text: 'its own fields are well; who signed it was not checked: give -bundle FILE',
        faults: [],
      }
    }
    return { id: undefined, text: `NOT VALID: ${error.message}`, faults: [error.message] }
  }
}
