import { createHash, X509Certificate } from 'node:crypto'
import { connect, type ConnectionOptions, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls'
import { setTimeout as later } from 'node:timers'
import {
  SpiffeError,
  verifyX509Svid,
  writePem,
  type SpiffeBundle,
  type TrustDomain,
} from '../../../../workload-api/index.js'
import type { Address } from '../../../config/index.js'
import { serverIdOf } from '../channel/server-connection.js'
import { UnauthenticatedConnection } from '../channel/unauthenticated-connection.js'
import { fetchServerBundle } from '../server-bundle.js'
import { SpireError } from '../spire-error.js'

export interface FirstContactOptions {
  readonly trustDomain: TrustDomain
  readonly server: Address
  readonly onWarning: (text: string) => void
}

const probeTimeoutMs = 10_000
const maxShownChain = 8

/**
 * `unsafe_bootstrap`: takes whoever answers for the server, as it says itself. Its certificate is looked at once and
 * pinned; only then is the bundle asked for, over a connection to that very certificate. Whoever stands in between at
 * this moment is believed for ever. Throws `SpireError`.
 */
export async function bundleOfFirstContact(options: FirstContactOptions, signal: AbortSignal): Promise<SpiffeBundle> {
  const { trustDomain, server, onWarning } = options
  const shown = await lookAt(server, signal)
  const connection = new UnauthenticatedConnection(server, { tls: pinned(shown) })
  try {
    const { bundle, x509 } = await fetchServerBundle(connection, trustDomain, signal)
    const { id } = verifyX509Svid(shown, new Map([[trustDomain, x509]]), { usage: 'server' })
    if (id !== serverIdOf(trustDomain)) {
      throw new SpireError('ERR_SPIRE_SERVER_OTHER_ID', `who answers is not the server of "${trustDomain}"`)
    }
    const digest = createHash('sha256').update(x509.toDer()).digest('hex')
    onWarning(`unsafe_bootstrap: the server was believed unseen; compare the SHA-256 of its authorities: ${digest}`)
    return bundle
  } catch (error) {
    if (!(error instanceof SpiffeError)) throw error
    throw new SpireError('ERR_SPIRE_SERVER_UNTRUSTED', 'the server does not fit its own bundle', { cause: error })
  } finally {
    await connection.close()
  }
}

/** The pinned certificate is the only authority, and the leaf must be the one that was shown. */
function pinned(shown: readonly Uint8Array[]): ConnectionOptions {
  const [leaf] = shown
  if (leaf === undefined) throw new SpireError('ERR_SPIRE_SERVER_TLS', 'the server shows no certificate')
  const partial = { allowPartialTrustChain: true }
  return {
    ...partial,
    ca: [writePem('CERTIFICATE', leaf)],
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    checkServerIdentity: (_host, { raw }) =>
      raw.equals(leaf) ? undefined : new SpireError('ERR_SPIRE_SERVER_OTHER_ID', 'another server answers now'),
  }
}

/** What the server shows, judged by nobody: nothing is sent to it. */
function lookAt(server: Address, signal: AbortSignal): Promise<readonly Uint8Array[]> {
  const target = server.kind === 'unix' ? { path: server.path } : { host: server.host, port: server.port }
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = connect({ ...target, ALPNProtocols: ['h2'], rejectUnauthorized: false, minVersion: 'TLSv1.2' })
    const fail = (code: 'ERR_SPIRE_SERVER_UNREACHABLE' | 'ERR_SPIRE_SERVER_SILENT', cause?: unknown) =>
      settle(() => reject(new SpireError(code, 'the server cannot be looked at', { cause })))
    const abort = () => settle(() => reject(signal.reason))
    const timer = later(() => fail('ERR_SPIRE_SERVER_SILENT'), probeTimeoutMs)
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      socket.destroy()
      finish()
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', (error) => fail('ERR_SPIRE_SERVER_UNREACHABLE', error))
    socket.once('secureConnect', () => {
      const chain = chainOf(socket.getPeerCertificate(true))
      settle(() => resolve(chain))
    })
  })
}

function chainOf(certificate: DetailedPeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  let next: PeerCertificate | DetailedPeerCertificate | undefined = certificate
  while (next?.raw !== undefined && chain.length < maxShownChain) {
    const certificateBefore: PeerCertificate | DetailedPeerCertificate = next
    // A self-signed one is its own issuer; it is no part of what a server vouches with.
    if (chain.length > 0 && new X509Certificate(next.raw).checkIssued(new X509Certificate(next.raw))) break
    chain.push(next.raw)
    next =
      'issuerCertificate' in next && next.issuerCertificate !== certificateBefore ? next.issuerCertificate : undefined
  }
  return chain
}
