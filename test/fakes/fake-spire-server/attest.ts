import { constants, createHash, randomBytes, verify, X509Certificate } from 'node:crypto'
import { status, type ServerDuplexStream } from '@grpc/grpc-js'
import type { attestAgent, AttestAgentResponse } from '../../../sidecar/identity/spire-server/api/methods.js'
import { idMessage, keyOf, seconds, type FakeParts } from './parts.js'
import { StatusError } from './status-error.js'

type AttestAgentRequest = ReturnType<(typeof attestAgent)['requestDeserialize']>
type Call = ServerDuplexStream<AttestAgentRequest, Partial<AttestAgentResponse>>

const malformed = () => new StatusError(status.INVALID_ARGUMENT, 'malformed param: missing attestation data')

export async function attest(parts: FakeParts, call: Call): Promise<void> {
  const { authority, registry } = parts
  const requests = call[Symbol.asyncIterator]() as AsyncIterator<AttestAgentRequest>
  const next = async (): Promise<AttestAgentRequest> => {
    const { done, value } = await requests.next()
    if (done === true) throw malformed()
    return value
  }
  const { params } = await next()
  if (params?.data === undefined || params.params === undefined || params.params.csr.length === 0) throw malformed()
  const { type, payload } = params.data
  const challenge = async (message: object): Promise<Uint8Array> => {
    call.write({ challenge: Buffer.from(JSON.stringify(message)) })
    return (await next()).challengeResponse
  }
  const { id, canReattest } = await identify(parts, type, payload, challenge)
  if (registry.agents.get(id)?.banned === true) {
    throw new StatusError(status.PERMISSION_DENIED, 'failed to attest: agent is banned')
  }
  // The token is burnt by now: a request that cannot be read costs it.
  const { chain, serial, notAfter } = await authority.sign(id, keyOf(params.params.csr), authority.agentTtlMs)
  registry.attested(id, serial, canReattest)
  const svid = { certChain: chain, id: idMessage(id), expiresAt: seconds(notAfter) }
  call.write({ result: { svid, reattestable: canReattest } })
}

async function identify(
  parts: FakeParts,
  type: string,
  payload: Uint8Array,
  challenge: (message: object) => Promise<Uint8Array>,
): Promise<{ readonly id: string; readonly canReattest: boolean }> {
  if (type === 'join_token') return { id: byToken(parts, Buffer.from(payload).toString()), canReattest: false }
  if (!parts.attestors.includes(type)) {
    throw new StatusError(
      status.FAILED_PRECONDITION,
      `error getting node attestor: could not find node attestor type "${type}"`,
    )
  }
  const chain = (JSON.parse(Buffer.from(payload).toString()) as { certificates: string[] }).certificates
  const leaf = new X509Certificate(Buffer.from(chain[0] ?? '', 'base64'))
  const kind = leaf.publicKey.asymmetricKeyType === 'rsa' ? 'rsa_signature' : 'ecdsa_signature'
  const nonce = randomBytes(32)
  const answer = JSON.parse(Buffer.from(await challenge({ [kind]: { nonce: nonce.toString('base64') } })).toString())
  if (!isProof(leaf, nonce, answer[kind]))
    throw new StatusError(status.PERMISSION_DENIED, 'challenge response verification failed')
  return { id: agentIdOf(parts, leaf), canReattest: true }
}

function byToken({ registry }: FakeParts, token: string): string {
  const state = registry.takeToken(token)
  if (state === 'fresh') return registry.tokenAgentId(token)
  const text = state === 'expired' ? 'join token expired' : 'join token does not exist or has already been used'
  throw new StatusError(status.INVALID_ARGUMENT, `failed to attest: ${text}`)
}

interface Proof {
  readonly nonce: string
  readonly signature?: string
  readonly r?: string
  readonly s?: string
}

/** Over the hash of both nonces, as Go's side of it verifies. */
function isProof({ publicKey }: X509Certificate, nonce: Buffer, proof: Proof | undefined): boolean {
  if (proof === undefined) return false
  const message = Buffer.concat([nonce, Buffer.from(proof.nonce, 'base64')])
  if (message.length !== 64) return false
  if (publicKey.asymmetricKeyType === 'rsa') {
    const options = {
      key: publicKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_AUTO,
    }
    return verify('sha256', message, options, Buffer.from(proof.signature ?? '', 'base64'))
  }
  const signature = Buffer.concat([Buffer.from(proof.r ?? '', 'base64'), Buffer.from(proof.s ?? '', 'base64')])
  return verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
}

function agentIdOf({ authority, exchangePrefix }: FakeParts, leaf: X509Certificate): string {
  const agents = `spiffe://${authority.trustDomain}/spire/agent/x509pop`
  if (exchangePrefix === undefined) return `${agents}/${createHash('sha1').update(leaf.raw).digest('hex')}`
  const id = /URI:([^,]+)/.exec(leaf.subjectAltName ?? '')?.[1] ?? ''
  const path = new URL(id).pathname
  if (!path.startsWith(exchangePrefix)) throw new StatusError(status.PERMISSION_DENIED, 'the SVID has another prefix')
  return `${agents}/${path.slice(exchangePrefix.length)}`
}
