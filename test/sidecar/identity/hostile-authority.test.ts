import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Server, ServerCredentials, status, type handleUnaryCall } from '@grpc/grpc-js'
import { openMemoryProvider, verifyCertificateRequest } from '../../../parsec-core/index.js'
import { parseSpiffeId } from '../../../workload-api/index.js'
import {
  signX509SvidMethod,
  type SignX509SvidRequest,
  type SignX509SvidResponse,
} from '../../../sidecar/authority/index.js'
import { AuthoritySource } from '../../../sidecar/identity/authority-source.js'
import type { IdentityEvent } from '../../../sidecar/identity/identity-source.js'
import { newSigner, openCertificateAuthority, temporaryFolder } from '../authority/authority-fixture.js'

const id = parseSpiffeId('spiffe://lab.test/a')
const now = () => new Date()

async function newAuthority(at = now(), svidTtlMs = 60_000) {
  const { authority } = await openCertificateAuthority(await openMemoryProvider('ca'), at, { svidTtlMs })
  return authority
}

function bundlesOf(authorities: readonly Uint8Array[], trustDomain = 'lab.test') {
  return { [trustDomain]: { x509Authorities: authorities } }
}

const lab = await newAuthority()
const other = await newAuthority()
const { x509Authorities } = lab.bundle
const bundles = bundlesOf(x509Authorities)

/** What an authority may send that is not what was asked for; each must be refused before anything of it is used. */
const lies: Readonly<Record<string, (request: SignX509SvidRequest) => Promise<SignX509SvidResponse>>> = {
  'no certificate': async () => ({ chain: [], bundles, hint: '' }),
  'a chain that is no certificate': async () => ({ chain: [Buffer.from('garbage')], bundles, hint: '' }),
  'an SVID of another ID': async ({ csr }) => {
    const publicKey = verifyCertificateRequest(csr)
    const { chain } = await lab.issue({ id: parseSpiffeId('spiffe://lab.test/b'), publicKey }, now())
    return { chain, bundles, hint: '' }
  },
  'an SVID for another key': async () => {
    const { publicKey } = await newSigner()
    return { chain: (await lab.issue({ id, publicKey }, now())).chain, bundles, hint: '' }
  },
  'an SVID of an authority that is not in the bundle': async ({ csr }) => {
    const publicKey = verifyCertificateRequest(csr)
    return { chain: (await other.issue({ id, publicKey }, now())).chain, bundles, hint: '' }
  },
  'a bundle of another trust domain only': async ({ csr }) => {
    const publicKey = verifyCertificateRequest(csr)
    const { chain } = await lab.issue({ id, publicKey }, now())
    return { chain, bundles: bundlesOf(x509Authorities, 'other.test'), hint: '' }
  },
  'an empty bundle': async ({ csr }) => {
    const publicKey = verifyCertificateRequest(csr)
    return { chain: (await lab.issue({ id, publicKey }, now())).chain, bundles: bundlesOf([]), hint: '' }
  },
  'a bundle for a name that is no trust domain': async ({ csr }) => {
    const publicKey = verifyCertificateRequest(csr)
    const { chain } = await lab.issue({ id, publicKey }, now())
    return { chain, bundles: { ...bundles, ...bundlesOf(x509Authorities, 'NOT A NAME') }, hint: '' }
  },
  'an SVID that has ended': async ({ csr }) => {
    const publicKey = verifyCertificateRequest(csr)
    const past = new Date(Date.now() - 300_000)
    const old = await newAuthority(past)
    const { chain } = await old.issue({ id, publicKey }, past)
    return { chain, bundles: bundlesOf(old.bundle.x509Authorities), hint: '' }
  },
  'an SVID that is not valid yet': async ({ csr }) => {
    const publicKey = verifyCertificateRequest(csr)
    const future = new Date(Date.now() + 300_000)
    const { chain } = await lab.issue({ id, publicKey }, future)
    return { chain, bundles: bundlesOf(lab.bundle.x509Authorities), hint: '' }
  },
  'the certificate of the authority itself': async () => ({ chain: x509Authorities, bundles, hint: '' }),
}

/** A gRPC server that answers as it is told. */
async function openLiar(path: string, answer: (request: SignX509SvidRequest) => Promise<SignX509SvidResponse>) {
  const server = new Server()
  const handler: handleUnaryCall<SignX509SvidRequest, SignX509SvidResponse> = (call, respond) => {
    void answer(call.request).then(
      (response) => respond(null, response),
      (error: Error) => respond({ code: status.UNKNOWN, details: error.message }),
    )
  }
  server.addService({ SignX509Svid: signX509SvidMethod }, { SignX509Svid: handler })
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    )
  })
  return { [Symbol.dispose]: () => server.forceShutdown() }
}

for (const [lie, answer] of Object.entries(lies)) {
  test(`${lie} is refused and told, and no key of it is kept`, async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'authority.sock')
    using liar = await openLiar(path, answer)
    assert.ok(liar)
    const provider = await openMemoryProvider('identity keys')
    const stop = new AbortController()
    const events: IdentityEvent[] = []
    const onEvent = (event: IdentityEvent) => {
      events.push(event)
      stop.abort()
    }
    const source = new AuthoritySource(
      {
        source: 'authority',
        name: 'lab',
        spiffeId: id,
        hint: undefined,
        keyProvider: undefined,
        authorityAddress: path,
        keyType: 'ec-p256',
        keyRotation: 'new',
      },
      { provider, onEvent },
    )
    for await (const update of source.updates(stop.signal)) assert.fail(`accepted a chain of ${update.chain.length}`)
    assert.equal(events[0]?.kind, 'failed')
    assert.deepEqual(provider.listKeys(), [])
  })
}
