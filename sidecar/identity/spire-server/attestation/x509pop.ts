import { randomBytes } from 'node:crypto'
import { SpireError } from '../spire-error.js'
import type { Attestation, Attestor } from './attestor.js'

/** A certificate chain and whoever signs with its key. */
export interface PossessionMaterial {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  readonly key: PossessionKey
}

/** A key that signs with SHA-256, as the server demands whatever the key's size. */
export type PossessionKey =
  | {
      readonly kind: 'ecdsa'
      /** r and s side by side. */
      sign(message: Uint8Array): Promise<Uint8Array>
    }
  | {
      readonly kind: 'rsa'
      /** RSA-PSS. */
      sign(message: Uint8Array): Promise<Uint8Array>
    }

/** Where the chain and its key come from; read anew at each attestation. Throws `SpireError`, `SpiffeError`, `ParsecError`. */
export type PossessionSource = (signal: AbortSignal) => Promise<PossessionMaterial>

const nonceBytes = 32
const maxChallengeBytes = 4096

/** Attests with the proof that it holds the key of an X.509 certificate: the server's attestor `x509pop`, both modes. */
export class X509Pop implements Attestor {
  readonly type = 'x509pop'
  readonly #source: PossessionSource

  constructor(source: PossessionSource) {
    this.#source = source
  }

  async begin(signal: AbortSignal): Promise<Attestation> {
    const { chain, key } = await this.#source(signal)
    const certificates = chain.map((der) => Buffer.from(der).toString('base64'))
    return {
      payload: Buffer.from(JSON.stringify({ certificates })),
      answer: (challenge) => answerTo(challenge, key),
      refused: (error) => error,
      kept: async () => {},
    }
  }
}

/**
 * The server's nonce is signed together with one of our own: alone, it could be the hash of something else that the key
 * would then have signed.
 */
async function answerTo(challenge: Uint8Array, key: PossessionKey): Promise<Uint8Array> {
  const name = `${key.kind}_signature`
  const own = randomBytes(nonceBytes)
  const signature = await key.sign(Buffer.concat([readNonce(challenge, name), own]))
  const half = signature.length / 2
  const values =
    key.kind === 'rsa'
      ? { signature: base64(signature) }
      : { r: base64(signature.subarray(0, half)), s: base64(signature.subarray(half)) }
  return Buffer.from(JSON.stringify({ [name]: { nonce: base64(own), ...values } }))
}

function readNonce(challenge: Uint8Array, name: string): Buffer {
  const nonce = challenge.length > maxChallengeBytes ? undefined : nonceOf(challenge, name)
  if (nonce?.length === nonceBytes) return nonce
  throw new SpireError('ERR_SPIRE_RESPONSE_INVALID', `the server's challenge has no "${name}" of ${nonceBytes} bytes`)
}

function nonceOf(challenge: Uint8Array, name: string): Buffer | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(challenge).toString('utf8'))
    const part = isObject(parsed) ? parsed[name] : undefined
    const nonce = isObject(part) ? part['nonce'] : undefined
    return typeof nonce === 'string' ? Buffer.from(nonce, 'base64') : undefined
  } catch {
    // Not JSON: the caller says what is missing.
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
