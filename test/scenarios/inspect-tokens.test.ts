import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { SpiffeBundle, parseTrustDomain } from '../../workload-api/index.js'
import { FakeCa } from '../fakes/fake-ca.js'
import { repositoryRoot } from '../repository-root.js'
import { FakeJwtIssuer } from '../workload-api/material.js'
import { prepareLab, runLab } from './lab.js'
import { svidecar, temporaryFolder } from './running-sidecar.js'

const ca = FakeCa.create('example.org')
const issuer = new FakeJwtIssuer('example.org')
const document = new SpiffeBundle(parseTrustDomain('example.org'), {
  x509Authorities: [ca.certificate],
  jwtAuthorities: issuer.bundle.jwtAuthorities,
  sequenceNumber: 7n,
  refreshHintSeconds: 300,
}).marshal()

function written(t: TestContext, content: string): string {
  const file = join(temporaryFolder(t), 'it')
  writeFileSync(file, content)
  return file
}

/** `svidecar inspect -` with the text on its standard input. */
async function piped(text: string, flags: readonly string[] = []) {
  const child = spawn(process.execPath, [join(repositoryRoot, 'dist', 'bin', 'main.js'), 'inspect', '-', ...flags])
  let stdout = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)))
  child.stdin.end(text)
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { status, stdout }
}

function assertNotShown(stdout: string, token: string): void {
  const [header = '', payload = '', signature = ''] = token.split('.')
  for (const part of [header, payload, signature]) assert.ok(!stdout.includes(part))
}

describe('svidecar inspect of a token', () => {
  test('tells its claims, from a file or the standard input, and never the token or its signature', async (t) => {
    const token = issuer.issue({ role: 'x\u001b[2J', deep: { a: [1] } })
    for (const { status, stdout } of [await piped(`${token}\n`), await svidecar(['inspect', written(t, token)])]) {
      assert.equal(status, 0, stdout)
      for (const expected of [
        /^JWT-SVID$/m,
        /SPIFFE ID +spiffe:\/\/example\.org\/a$/m,
        /audience +audience$/m,
        /valid +\S+ to \S+ \(\d+m.* left\)$/m,
        /alg +ES256$/m,
        /kid +key-1$/m,
        /claim deep +\{"a":\[1\]\}$/m,
        /not checked: give -bundle FILE$/m,
      ]) {
        assert.match(stdout, expected)
      }
      assertNotShown(stdout, token)
      assert.ok(!stdout.includes('\u001b'))
    }
  })

  test('verifies it against a bundle', async (t) => {
    const bundle = written(t, document)
    const good = await piped(issuer.issue(), ['--bundle', bundle])
    assert.equal(good.status, 0)
    assert.match(good.stdout, /verdict +valid, signed by its trust domain's authority/)
    const forged = new FakeJwtIssuer('example.org').issue()
    const bad = await piped(forged, ['--bundle', bundle])
    assert.equal(bad.status, 1)
    assert.match(bad.stdout, /verdict +NOT VALID: /)
    assertNotShown(bad.stdout, forged)
  })

  test('is exit 1 for one that expired or is none of SPIFFE', async () => {
    for (const token of [issuer.issue({ exp: 1 }), issuer.issue({ sub: 'me' }), issuer.issue({}, { alg: 'HS256' })]) {
      const { status, stdout } = await piped(token)
      assert.equal(status, 1)
      assert.match(stdout, /NOT VALID/)
      assertNotShown(stdout, token)
    }
  })

  test('is refused as an argument, which every process can read, and not repeated', async () => {
    const token = issuer.issue()
    const { status, stdout, stderr } = await svidecar(['inspect', token])
    assert.equal(status, 2)
    assert.match(stderr, /arguments are seen by every process/)
    assertNotShown(stdout + stderr, token)
  })
})

describe('svidecar inspect of a trust bundle in JSON', () => {
  test('tells whose it is, its numbers, and its authorities of both kinds', async (t) => {
    const { status, stdout } = await svidecar(['inspect', written(t, document)])
    assert.equal(status, 0, stdout)
    for (const expected of [
      /^trust bundle$/m,
      /trust domain +example\.org$/m,
      /sequence +7$/m,
      /refresh +every 300 s$/m,
      /^authority$/m,
      /^JWT authority$/m,
      /key ID +key-1$/m,
      /key +ec prime256v1$/m,
    ]) {
      assert.match(stdout, expected)
    }
  })

  test('verifies an SVID with it, and is exit 1 for an empty or damaged one', async (t) => {
    const svid = written(t, ca.issue('/web').chainPem)
    const verified = await svidecar(['inspect', svid, '--bundle', written(t, document)])
    assert.match(verified.stdout, /valid, verified against/)
    const empty = await svidecar(['inspect', written(t, '{"keys":[]}')])
    assert.deepEqual([empty.status, /holds +0 X\.509 authorities/.test(empty.stdout)], [1, true])
    const damaged = await svidecar(['inspect', written(t, '{"keys":7}')])
    assert.equal(damaged.status, 1)
    assert.match(damaged.stderr, /^svidecar: /)
  })
})

test('svidecar inspect of a socket tells SVIDs with hints and bundles of both kinds', async (t) => {
  const lab = prepareLab(t, ['other'])
  await runLab(t, lab, '').ready()
  const { status, stdout } = await svidecar(['inspect', lab.authoritySocket])
  assert.equal(status, 0, stdout)
  assert.match(stdout, /hint "other"/)
  assert.match(stdout, /^authority of trust domain lab\.test$/m)
  assert.match(stdout, /^JWT authority of trust domain lab\.test\n +key ID +[0-9a-f]{40}$/m)
})
