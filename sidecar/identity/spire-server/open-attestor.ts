import type { Provider } from '../../../parsec-core/index.js'
import { parseTrustDomain } from '../../../workload-api/index.js'
import type { SpireServerIdentityConfig } from '../../config/index.js'
import type { Attestor } from './attestation/attestor.js'
import { JoinToken } from './attestation/join-token.js'
import { possessionOfFiles, possessionOfProvider, possessionOfWorkloadSvid } from './attestation/possession-sources.js'
import { X509Pop } from './attestation/x509pop.js'

export interface AttestorOptions {
  /** The provider of a key_provider block. Throws `TypeError` for a label there is not. */
  readonly providerNamed: (label: string) => Provider
  readonly onWarning: (text: string) => void
}

/** What an identity's `attestation` block says. */
export function openAttestor(
  { attestation, trustDomain }: SpireServerIdentityConfig,
  { providerNamed, onWarning }: AttestorOptions,
): Attestor {
  if (attestation.type === 'join_token') return new JoinToken({ tokenFile: attestation.tokenFile, onWarning })
  if (attestation.mode === 'spiffe') {
    const { agentAddress, spiffeId } = attestation
    return new X509Pop(possessionOfWorkloadSvid({ agentAddress, spiffeId, trustDomain: parseTrustDomain(trustDomain) }))
  }
  const { certificatePath, key } = attestation
  return new X509Pop(
    'path' in key
      ? possessionOfFiles(certificatePath, key.path)
      : possessionOfProvider(certificatePath, providerNamed(key.keyProvider), key.keyName),
  )
}
