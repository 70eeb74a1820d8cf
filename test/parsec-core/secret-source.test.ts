import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readSecret, type SecretSource } from '../../parsec-core/secret-source.js'

const folder = mkdtempSync(join(tmpdir(), 'svidecar-secret-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
function fileWith(content: string, mode = 0o600): SecretSource {
  files += 1
  const path = join(folder, String(files))
  writeFileSync(path, content, { mode })
  chmodSync(path, mode)
  return { kind: 'file', path }
}

const textOf = async (source: SecretSource, environment?: NodeJS.ProcessEnv) =>
  Buffer.from(await readSecret(source, environment)).toString()

test('one line end after a secret is no part of it, and other blanks are', async () => {
  for (const [content, secret] of [
    ['1234', '1234'],
    ['1234\n', '1234'],
    ['1234\r\n', '1234'],
    ['1234\n\n', '1234\n'],
    [' 12 34 ', ' 12 34 '],
  ] as const) {
    assert.equal(await textOf(fileWith(content)), secret)
  }
})

test('a secret comes from the environment, or from a systemd credential', async () => {
  assert.equal(await textOf({ kind: 'env', variable: 'PIN' }, { PIN: '1234' }), '1234')
  writeFileSync(join(folder, 'pin'), '5678', { mode: 0o400 })
  assert.equal(await textOf({ kind: 'credential', name: 'pin' }, { CREDENTIALS_DIRECTORY: folder }), '5678')
})

test('what is missing, empty, too long or open to others is refused by name, and the secret is not shown', async () => {
  const refused: readonly (readonly [SecretSource, RegExp])[] = [
    [{ kind: 'file', path: join(folder, 'none') }, /cannot read the file ".*none"/u],
    [{ kind: 'env', variable: 'PIN' }, /the environment variable "PIN" is refused: it is empty/u],
    [{ kind: 'credential', name: 'pin' }, /CREDENTIALS_DIRECTORY is not set/u],
    [fileWith('\n'), /it is empty/u],
    [fileWith('hidden'.repeat(1_000)), /more than 4096 bytes/u],
    [fileWith('hidden', 0o644), /everybody may use it/u],
  ]
  for (const [source, expected] of refused) {
    await assert.rejects(readSecret(source, {}), (error: Error) => {
      assert.match(error.message, expected)
      assert.doesNotMatch(error.message, /hidden/u)
      return true
    })
  }
})
