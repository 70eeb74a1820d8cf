import assert from 'node:assert/strict'
import {
  JwtBundle,
  JwtSvid,
  parseEndpointAddress,
  parseSpiffeId,
  parseTrustDomain,
  SpiffeBundle,
  SpiffeError,
  verifyX509Svid,
  X509Bundle,
  X509Svid,
} from '../../workload-api/index.js'
import { writePem } from '../../workload-api/encoding/pem.js'
import { parseEndpointUrl } from '../../workload-api/federation/endpoint.js'
import { decodeJwtSvidResponse, decodeValidateJwtSvidResponse } from '../../workload-api/proto/jwt-messages.js'
import { decodeX509SvidResponse } from '../../workload-api/proto/messages.js'
import { workloadApiService } from '../../workload-api/proto/workload-service.js'
import { pem } from '../fakes/fake-ca.js'
import { material } from './material.js'
import { Chance, mutate } from './mutate.js'

/** Something that reads what a stranger wrote. */
export interface Target {
  readonly name: string
  readonly good: Uint8Array
  /** Returns for what is good; what it accepts it must accept again as it writes it. */
  readonly read: (bytes: Buffer) => void
  /** Also allowed to be thrown, by a reader of messages whose caller makes a status of it. */
  readonly alsoThrows?: readonly (abstract new (...args: never) => Error)[]
}

const trustDomain = parseTrustDomain('example.org')
const { authority, chain, pkcs8, jwks, token, time } = material
const chainPem = chain.map(pem).join('')
const keyPem = writePem('PRIVATE KEY', pkcs8)
const [leafOfPeer = authority] = chain
const bundles = new Map([[trustDomain, X509Bundle.parse(trustDomain, authority)]])
const spiffeBundle = new SpiffeBundle(trustDomain, {
  x509Authorities: [authority],
  jwtAuthorities: JwtBundle.parse(trustDomain, jwks).jwtAuthorities,
  sequenceNumber: 2n ** 63n,
  refreshHintSeconds: 300,
})
const svidMessage = {
  spiffeId: 'spiffe://example.org/a',
  x509Svid: Buffer.concat(chain),
  x509SvidKey: pkcs8,
  bundle: authority,
  hint: 'a',
}
const messages = [Error]

function text(name: string, good: string, read: (text: string) => void): Target {
  return { name, good: Buffer.from(good), read: (bytes) => read(bytes.toString('latin1')) }
}

export const targets: readonly Target[] = [
  text('SPIFFE ID', 'spiffe://example.org/a/b-c_d.e', (id) => assert.equal(parseSpiffeId(id), id)),
  text('address of a Workload API', 'unix:///run/spire/agent.sock', (address) => {
    const { display } = parseEndpointAddress(address)
    assert.equal(
      parseEndpointAddress(encodeURI(display).replaceAll('?', '%3F').replaceAll('#', '%23')).display,
      display,
    )
  }),
  text('TCP address of a Workload API', 'tcp://127.0.0.1:8081', (address) => void parseEndpointAddress(address)),
  text('URL of a bundle endpoint', 'https://example.org:8443/bundle', (url) => {
    assert.match(parseEndpointUrl(url).href, /^https:\/\/[^/@]+\//)
  }),
  { name: 'DER of a bundle', good: authority, read: (der) => void X509Bundle.parse(trustDomain, der) },
  text('PEM of a bundle', pem(authority), (pem) => {
    const bundle = X509Bundle.parsePem(trustDomain, pem)
    assert.ok(X509Bundle.parsePem(trustDomain, bundle.toPem()).equals(bundle))
  }),
  { name: 'DER of a chain', good: Buffer.concat(chain), read: (der) => void X509Svid.parse(der, pkcs8) },
  { name: 'DER of a key', good: pkcs8, read: (der) => void X509Svid.parse(Buffer.concat(chain), der) },
  text('PEM of a chain', chainPem, (pem) => void X509Svid.parsePem(pem, keyPem)),
  text('PEM of a key', keyPem, (pem) => void X509Svid.parsePem(chainPem, pem)),
  {
    name: 'leaf of a peer',
    good: leafOfPeer,
    // With its signature over every byte no other leaf is good.
    read: (leaf) => {
      verifyX509Svid([leaf, ...chain.slice(1)], bundles, { time })
      assert.ok(leaf.equals(leafOfPeer))
    },
  },
  text('trust bundle', spiffeBundle.marshal(), (document) => {
    const bundle = SpiffeBundle.parse(trustDomain, document)
    assert.ok(SpiffeBundle.parse(trustDomain, bundle.marshal()).equals(bundle))
  }),
  text('JWK Set', jwks, (jwks) => {
    const bundle = JwtBundle.parse(trustDomain, jwks)
    assert.ok(JwtBundle.parse(trustDomain, bundle.marshal()).equals(bundle))
  }),
  text('JWT-SVID', token, (token) => assert.equal(JwtSvid.unsafeParse(token).marshal(), token)),
  {
    name: 'message with SVIDs',
    good: workloadApiService.FetchX509SVID.responseSerialize({
      svids: [svidMessage],
      crl: [],
      federatedBundles: { a: authority },
    }),
    read: (bytes) => void decodeX509SvidResponse(bytes),
    alsoThrows: messages,
  },
  {
    name: 'message with tokens',
    good: workloadApiService.FetchJWTSVID.responseSerialize({ svids: [{ spiffeId: 'a', svid: 'b', hint: 'c' }] }),
    read: (bytes) => void decodeJwtSvidResponse(bytes),
    alsoThrows: messages,
  },
  {
    name: 'message with claims',
    good: workloadApiService.ValidateJWTSVID.responseSerialize({
      spiffeId: 'a',
      claims: { a: [1, { b: 'c' }], d: null },
    }),
    read: (bytes) => void decodeValidateJwtSvidResponse(bytes),
    alsoThrows: messages,
  },
]

/** Longer than any of these takes by far, and far shorter than what a hostile input would have to cost to matter. */
const slowMs = 1_000

/** Reads so many mutations of a target's good input; fails with what is needed to see the failure again. */
export function fuzz({ name, good, read, alsoThrows = [] }: Target, seed: number, rounds: number): void {
  read(Buffer.from(good))
  const chance = new Chance(seed)
  for (let round = 0; round < rounds; round += 1) {
    const input = mutate(good, chance)
    const started = performance.now()
    try {
      read(input)
    } catch (error) {
      const known = error instanceof SpiffeError || alsoThrows.some((kind) => error instanceof kind)
      if (!(error instanceof Error) || !known || error instanceof assert.AssertionError) {
        throw new Error(`${name}, seed ${seed}, round ${round}: ${input.toString('base64')}`, { cause: error })
      }
      assert.ok(
        error.message.length < 400,
        `${name}, seed ${seed}, round ${round}: a message of ${error.message.length}`,
      )
    }
    const took = performance.now() - started
    assert.ok(took < slowMs, `${name}, seed ${seed}, round ${round} took ${took} ms`)
  }
}
