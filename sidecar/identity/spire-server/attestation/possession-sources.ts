import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { openSigner, type Provider } from '../../../../parsec-core/index.js'
import {
  pathOf,
  trustDomainOf,
  WorkloadApiClient,
  type TrustDomain,
  type X509Svid,
} from '../../../../workload-api/index.js'
import { operatorIdentity } from '../../../keys/answer-key-request.js'
import { SpireError } from '../spire-error.js'
import { assertFits, keyInMemory, keyOfSigner } from './possession-key.js'
import { readSmallFile } from './read-file.js'
import type { PossessionSource } from './x509pop.js'

const maxFileBytes = 256 * 1024
const pemCertificate = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
/** The server's own default of `svid_prefix`. */
const exchangePrefix = '/spire-exchange/'
const agentTimeoutMs = 10_000

/** A certificate and its key in files (PEM). */
export function possessionOfFiles(certificatePath: string, privateKeyPath: string): PossessionSource {
  return async () => {
    const chain = await readChain(certificatePath)
    const pem = await readSmallFile(privateKeyPath, maxFileBytes, 'ERR_SPIRE_ATTESTATION_MATERIAL')
    const privateKey = readKey(pem, privateKeyPath)
    assertFits(chain, createPublicKey(privateKey), certificatePath)
    return { chain, key: keyInMemory(privateKey) }
  }
}

/** A certificate in a file and its key in a provider, where an operator made it (`svidecar keys create`). */
export function possessionOfProvider(certificatePath: string, provider: Provider, keyName: string): PossessionSource {
  return async () => {
    const chain = await readChain(certificatePath)
    const signer = await openSigner(provider, { applicationIdentity: operatorIdentity, keyName })
    assertFits(chain, signer.publicKey, certificatePath)
    return { chain, key: keyOfSigner(signer) }
  }
}

export interface WorkloadSvidOptions {
  readonly agentAddress: string
  readonly trustDomain: TrustDomain
  /** Which of the agent's SVIDs; undefined: the only one below `/spire-exchange/`. */
  readonly spiffeId: string | undefined
}

/** The SVID the agent on this host gives for the exchange (`x509pop` in mode `spiffe`); its key is used here once. */
export function possessionOfWorkloadSvid(options: WorkloadSvidOptions): PossessionSource {
  return async (signal) => {
    const client = new WorkloadApiClient({ address: options.agentAddress })
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(agentTimeoutMs)])
      const { svids } = await client.fetchX509Context({ signal: within })
      const { chain, privateKey } = chooseExchangeSvid(svids, options)
      return { chain, key: keyInMemory(privateKey) }
    } finally {
      await client.close()
    }
  }
}

function chooseExchangeSvid(svids: readonly X509Svid[], { trustDomain, spiffeId }: WorkloadSvidOptions): X509Svid {
  const fits = ({ id }: X509Svid) =>
    spiffeId === undefined
      ? trustDomainOf(id) === trustDomain && pathOf(id).startsWith(exchangePrefix)
      : id === spiffeId
  const fitting = svids.filter(fits)
  const [svid] = fitting
  if (svid !== undefined && fitting.length === 1) return svid
  const wanted = spiffeId === undefined ? `spiffe://${trustDomain}${exchangePrefix}…` : `"${spiffeId}"`
  throw material(`the agent on this host offers ${fitting.length} SVIDs for ${wanted}, and exactly one is needed`)
}

async function readChain(path: string): Promise<readonly Uint8Array[]> {
  const pem = await readSmallFile(path, maxFileBytes, 'ERR_SPIRE_ATTESTATION_MATERIAL')
  const blocks = pem.toString('latin1').match(pemCertificate) ?? []
  if (blocks.length === 0) throw material(`"${path}" holds no certificate in PEM`)
  try {
    return blocks.map((block) => new X509Certificate(block).raw)
  } catch (error) {
    throw material(`"${path}" holds a certificate that cannot be read`, error)
  }
}

function readKey(pem: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw material(`"${path}" holds no private key in PEM without a password`, error)
  } finally {
    pem.fill(0)
  }
}

function material(message: string, cause?: unknown): SpireError {
  return new SpireError('ERR_SPIRE_ATTESTATION_MATERIAL', message, { cause })
}
