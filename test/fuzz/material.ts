import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../repository-root.js'

/**
 * Good inputs that are the same in every run, without which a seed would say nothing: an authority, a chain below it
 * with an intermediate, its key, a JWK Set and a token, all made by the tests' own authority and of no use elsewhere.
 */
const file = join(repositoryRoot, 'test', 'fuzz', 'material.json')
const written = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly authority: string
  readonly chain: readonly string[]
  readonly pkcs8: string
  readonly jwks: string
  readonly token: string
  readonly time: string
}

function bytes(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}

export const material = {
  authority: bytes(written.authority),
  chain: written.chain.map(bytes),
  pkcs8: bytes(written.pkcs8),
  jwks: written.jwks,
  token: written.token,
  /** When the chain is valid. */
  time: new Date(written.time),
}
