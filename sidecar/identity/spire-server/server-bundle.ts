import { createPublicKey, type KeyObject } from 'node:crypto'
import {
  parseTrustDomain,
  SpiffeBundle,
  SpiffeError,
  type TrustDomain,
  type X509Bundle,
} from '../../../workload-api/index.js'
import { getBundle, getFederatedBundle } from './api/methods.js'
import type { BundleMessage } from './api/types.js'
import { call } from './channel/calls.js'
import type { ServerConnection } from './channel/server-connection.js'
import { SpireError } from './spire-error.js'

/** A trust domain's bundle as a server gave it. */
export interface ServerBundle {
  readonly bundle: SpiffeBundle
  readonly x509: X509Bundle
  /** The same without the authorities that are about to be revoked (`tainted`); undefined when none is left. */
  readonly untainted: X509Bundle | undefined
}

const deadlineMs = 15_000

/** The bundle of the server's own trust domain; it is given to anybody. Throws `SpireError`. */
export async function fetchServerBundle(
  connection: ServerConnection,
  trustDomain: TrustDomain,
  signal: AbortSignal,
): Promise<ServerBundle> {
  return readBundleMessage(await call(connection, getBundle, {}, { signal, deadlineMs }), trustDomain)
}

/** The bundle of a trust domain the server is federated with. Throws `SpireError`. */
export async function fetchFederatedBundle(
  connection: ServerConnection,
  trustDomain: TrustDomain,
  signal: AbortSignal,
): Promise<X509Bundle> {
  const message = await call(connection, getFederatedBundle, { trustDomain }, { signal, deadlineMs })
  return readBundleMessage(message, trustDomain).x509
}

/** Throws `SpireError` (`ERR_SPIRE_RESPONSE_INVALID`) for what is no bundle of `trustDomain`, or has no authority. */
function readBundleMessage(message: BundleMessage, trustDomain: TrustDomain): ServerBundle {
  try {
    if (parseTrustDomain(message.trustDomain) !== trustDomain) throw invalid('the bundle is of another trust domain')
    const fields = {
      jwtAuthorities: new Map(message.jwtAuthorities.map(({ keyId, publicKey }) => [keyId, readKey(publicKey)])),
      ...(message.sequenceNumber >= 0 && { sequenceNumber: BigInt(message.sequenceNumber) }),
    }
    const ofAuthorities = (authorities: BundleMessage['x509Authorities']) =>
      new SpiffeBundle(trustDomain, { ...fields, x509Authorities: authorities.map(({ asn1 }) => asn1) })
    const bundle = ofAuthorities(message.x509Authorities)
    const x509 = bundle.x509Bundle()
    if (x509 === undefined) throw invalid('the bundle has no X.509 authority')
    const kept = message.x509Authorities.filter(({ tainted }) => !tainted)
    return {
      bundle,
      x509,
      untainted: kept.length === message.x509Authorities.length ? x509 : ofAuthorities(kept).x509Bundle(),
    }
  } catch (error) {
    if (error instanceof SpiffeError) throw invalid('the server sent no usable bundle', error)
    throw error
  }
}

function readKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch (error) {
    throw invalid('a JWT authority of the bundle is no public key', error)
  }
}

function invalid(message: string, cause?: unknown): SpireError {
  return new SpireError('ERR_SPIRE_RESPONSE_INVALID', message, { cause })
}
