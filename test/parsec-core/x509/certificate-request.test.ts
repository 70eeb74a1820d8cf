import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  createCertificateRequest,
  generatePrivateKey,
  openMemoryProvider,
  signingKeyTypes,
  verifyCertificateRequest,
  type ResponseStatusName,
  type Signer,
} from '../../../parsec-core/index.js'
import {
  derContext,
  derInteger,
  derNull,
  derObjectIdentifier,
  derSequence,
} from '../../../parsec-core/x509/der-writer.js'
import { derBitString } from '../../../parsec-core/x509/der-writer.js'
import { hasStatus } from '../../contract/provider.js'

const folder = mkdtempSync(join(tmpdir(), 'svidecar-requests-'))
const provider = await openMemoryProvider('test')
after(async () => {
  rmSync(folder, { recursive: true })
  await provider.close()
})

const uri = 'spiffe://example.org/a'
const signers = new Map<string, Signer>()
for (const type of signingKeyTypes) {
  signers.set(type, await generatePrivateKey(provider, { applicationIdentity: 'test', keyName: type }, type))
}

function assertRefused(request: Uint8Array, status: ResponseStatusName): void {
  assert.throws(() => verifyCertificateRequest(request), hasStatus(status))
}

/** A request over any key and signature algorithm, as an enemy would write one. */
function requestOf(spki: Uint8Array, algorithm: Uint8Array, signWith: (info: Uint8Array) => Uint8Array): Uint8Array {
  const info = derSequence(derInteger(0), derSequence(), spki, derContext(0, true))
  return derSequence(info, algorithm, derBitString(signWith(info)))
}

const ecdsaSha256 = derSequence(derObjectIdentifier('1.2.840.10045.4.3.2'))
const rsaSha256 = derSequence(derObjectIdentifier('1.2.840.113549.1.1.11'), derNull())

function spkiOf(publicKey: KeyObject): Uint8Array {
  return publicKey.export({ type: 'spki', format: 'der' })
}

for (const [type, signer] of signers) {
  test(`a request for a key of type ${type} verifies in openssl, names its URI, and gives its key back`, async () => {
    const request = await createCertificateRequest(signer, { uri })
    const file = join(folder, `${type}.csr`)
    writeFileSync(file, request)
    const args = ['req', '-inform', 'DER', '-in', file, '-verify', '-noout', '-text']
    const text = execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    assert.match(text, /X509v3 Subject Alternative Name: critical\s+URI:spiffe:\/\/example\.org\/a\n/u)
    assert.ok(verifyCertificateRequest(request).equals(signer.publicKey))
  })
}

test('a request made by openssl is read', () => {
  const out = join(folder, 'openssl.der')
  const key = join(folder, 'openssl.pem')
  const args = ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x']
  execFileSync('openssl', [...args, '-keyout', key, '-outform', 'DER', '-out', out], { stdio: 'pipe' })
  assert.equal(verifyCertificateRequest(readFileSync(out)).asymmetricKeyType, 'ec')
})

test('a request of which one bit was changed, anywhere, is refused', async () => {
  const signer = signers.get('ec-p256')
  assert.ok(signer)
  const good = await createCertificateRequest(signer, { uri })
  for (let at = 0; at < good.length; at += 1) {
    const bad = Uint8Array.from(good)
    bad[at]! ^= 0x01
    assert.throws(() => verifyCertificateRequest(bad), `byte ${at}`)
  }
})

test('a request cut short anywhere, or with a byte behind it, is refused', async () => {
  const signer = signers.get('ec-p256')
  assert.ok(signer)
  const good = await createCertificateRequest(signer, { uri })
  for (let length = 0; length < good.length; length += 1) {
    assertRefused(good.subarray(0, length), 'PsaErrorInvalidArgument')
  }
  assertRefused(Buffer.concat([good, Buffer.of(0)]), 'PsaErrorInvalidArgument')
})

test('a request signed by another key than it names is refused', () => {
  const named = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const request = requestOf(spkiOf(named.publicKey), ecdsaSha256, (info) => sign('sha256', info, other.privateKey))
  assertRefused(request, 'PsaErrorInvalidSignature')
})

test('a request longer than 8192 bytes is refused before it is parsed', () => {
  assertRefused(Buffer.alloc(8193, 0x30), 'PsaErrorInvalidArgument')
})

test('keys of other kinds are refused: Ed25519, secp256k1, RSA-PSS, RSA of 1024 and 8192 bits', () => {
  const pairs = [
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
    generateKeyPairSync('rsa', { modulusLength: 1024 }),
  ]
  for (const { publicKey } of pairs) {
    assertRefused(
      requestOf(spkiOf(publicKey), rsaSha256, () => Buffer.alloc(64)),
      'PsaErrorNotSupported',
    )
  }
})

test('a curve given by explicit parameters is refused', () => {
  const options = { namedCurve: 'prime256v1', paramEncoding: 'explicit' } as const
  const { publicKey, privateKey } = generateKeyPairSync('ec', options)
  const request = requestOf(spkiOf(publicKey), ecdsaSha256, (info) => sign('sha256', info, privateKey))
  assertRefused(request, 'PsaErrorNotSupported')
})

test('an algorithm that does not fit the key, or is SHA-1 or MD5, is refused', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const sha1 = derSequence(derObjectIdentifier('1.2.840.113549.1.1.5'), derNull())
  const md5 = derSequence(derObjectIdentifier('1.2.840.113549.1.1.4'), derNull())
  for (const algorithm of [ecdsaSha256, sha1, md5]) {
    const request = requestOf(spkiOf(publicKey), algorithm, (info) => sign('sha1', info, privateKey))
    assertRefused(request, 'PsaErrorNotSupported')
  }
})

test('garbage of every length is refused', () => {
  for (let length = 0; length < 512; length += 1) {
    for (const byte of [0x00, 0x30, 0xff]) {
      assertRefused(Buffer.alloc(length, byte), 'PsaErrorInvalidArgument')
    }
  }
})
