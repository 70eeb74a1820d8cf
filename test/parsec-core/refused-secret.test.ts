import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { RefusedSecrets } from '../../parsec-core/refused-secret.js'

const folder = mkdtempSync(join(tmpdir(), 'svidecar-refused-'))
after(() => rmSync(folder, { recursive: true }))

const secret = Buffer.from('000000')
const newDirectory = () => mkdtempSync(join(folder, 'store-'))

test('a refused secret is known after a restart, for its device alone', async () => {
  const directory = newDirectory()
  await new RefusedSecrets(directory).remember('pkcs11:serial=1', secret)
  const again = new RefusedSecrets(directory)
  assert.ok((await again.refusedAt('pkcs11:serial=1', secret)) instanceof Date)
  assert.equal(await again.refusedAt('pkcs11:serial=2', secret), undefined)
  assert.equal(await again.refusedAt('pkcs11:serial=1', Buffer.from('000001')), undefined)
})

test('an accepted secret makes the device forget, and other devices not', async () => {
  const secrets = new RefusedSecrets(newDirectory())
  await Promise.all(['one', 'other'].map((device) => secrets.remember(device, secret)))
  await secrets.forget('one')
  assert.equal(await secrets.refusedAt('one', secret), undefined)
  assert.ok(await secrets.refusedAt('other', secret))
})

test('the file holds no secret, is private, and does not grow without end', async () => {
  const secrets = new RefusedSecrets(newDirectory())
  for (let tries = 0; tries < 10; tries += 1) await secrets.remember('one', Buffer.from(`pin ${tries}`))
  const text = readFileSync(secrets.path, 'utf8')
  assert.doesNotMatch(text, /pin/u)
  assert.equal(text.match(/"hash"/gu)?.length, 8)
  assert.equal(statSync(secrets.path).mode & 0o777, 0o600)
  assert.ok(await secrets.refusedAt('one', Buffer.from('pin 9')))
})

test('a file that was cut short or edited is refused: going on without it could cost the last try', async () => {
  const secrets = new RefusedSecrets(newDirectory())
  await secrets.remember('one', secret)
  const whole = readFileSync(secrets.path, 'utf8')
  const damaged = ['', '{}', '[]', whole.slice(0, -10), whole.replace(/"hash": "/u, '$&A'), whole.replace('1', '2')]
  for (const text of damaged) {
    writeFileSync(secrets.path, text)
    await assert.rejects(secrets.refusedAt('one', secret), { statusName: 'PsaErrorDataCorrupt' }, text)
  }
})
