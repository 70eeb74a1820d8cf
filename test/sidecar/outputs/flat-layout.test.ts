import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { FlatLayout } from '../../../sidecar/outputs/flat-layout.js'
import { digestOf, type OutputFile } from '../../../sidecar/outputs/file-set.js'
import { isTrustDomainBundleName } from '../../../sidecar/outputs/file-names.js'
import { namesIn, outputFolder, textOf } from './output-fixture.js'

const own = { uid: undefined, gid: undefined }

function file(name: string, text: string, mode = 0o644): OutputFile {
  return { name, content: Buffer.from(text), mode }
}

function layoutIn(directory: string): FlatLayout {
  return new FlatLayout(directory)
}

test('each file gets its mode whatever the umask is', async (t) => {
  const folder = outputFolder(t)
  const umask = process.umask(0o077)
  t.after(() => process.umask(umask))
  await layoutIn(folder).write([file('a', '1', 0o666), file('b', '2', 0o640)], own)
  assert.equal(statSync(join(folder, 'a')).mode & 0o7777, 0o666)
  assert.equal(statSync(join(folder, 'b')).mode & 0o7777, 0o640)
})

test('a file of the same content is not written again, and its mode is set back', async (t) => {
  const folder = outputFolder(t)
  const layout = layoutIn(folder)
  assert.equal(await layout.write([file('a', '1', 0o640)], own), true)
  const before = statSync(join(folder, 'a'))
  chmodSync(join(folder, 'a'), 0o666)
  assert.equal(await layout.write([file('a', '1', 0o640)], own), false)
  const after = statSync(join(folder, 'a'))
  assert.deepEqual([after.ino, after.mtimeMs, after.mode], [before.ino, before.mtimeMs, before.mode])
})

test('owner and group are set each time', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const folder = outputFolder(t)
  const layout = layoutIn(folder)
  for (const [uid, text] of [
    [12, '1'],
    [13, '1'],
    [14, '2'],
  ] as const) {
    await layout.write([file('a', text)], { uid, gid: 20 })
    assert.deepEqual([statSync(join(folder, 'a')).uid, statSync(join(folder, 'a')).gid], [uid, 20])
  }
})

test('a link at the name of a file is replaced, not followed', async (t) => {
  const folder = outputFolder(t)
  writeFileSync(join(folder, 'precious'), 'untouched')
  symlinkSync('precious', join(folder, 'a'))
  await layoutIn(folder).write([file('a', 'untouched')], own)
  assert.equal(lstatSync(join(folder, 'a')).isSymbolicLink(), false)
  assert.equal(textOf(folder, 'precious'), 'untouched')
})

test('a directory at the name of the last file leaves every old file intact', async (t) => {
  const folder = outputFolder(t)
  const layout = layoutIn(folder)
  await layout.write([file('a', 'old')], own)
  mkdirSync(join(folder, 'b'))
  await assert.rejects(layout.write([file('a', 'new'), file('b', 'new')], own), { code: 'ERR_OUTPUT_IN_THE_WAY' })
  assert.equal(textOf(folder, 'a'), 'old')
  assert.deepEqual(readdirSync(folder).sort(), ['a', 'b'])
})

test('what an earlier process did not finish is removed, what is not ours stays', async (t) => {
  const folder = outputFolder(t)
  writeFileSync(join(folder, '.a.0123456789abcdef.partial'), 'half')
  writeFileSync(join(folder, '.other.0123456789abcdef.partial'), 'half')
  await layoutIn(folder).write([file('a', '1')], own)
  assert.deepEqual(namesIn(folder), ['.other.0123456789abcdef.partial', 'a'])
})

test('the bundle of a trust domain that is gone is removed, and that is a change', async (t) => {
  const folder = outputFolder(t)
  const layout = new FlatLayout(folder, isTrustDomainBundleName)
  const kept = file('bundle.example.org.pem', '1')
  await layout.write([kept, file('bundle.partner.test.pem', '2')], own)
  assert.equal(await layout.write([kept], own), true)
  assert.deepEqual(namesIn(folder), ['bundle.example.org.pem'])
})

test('a file that is missing, was changed or got another mode is found on disk', async (t) => {
  const folder = outputFolder(t)
  const layout = layoutIn(folder)
  const files = ['a', 'b', 'c', 'd'].map((name) => file(name, name))
  const written = files.map(({ name, content, mode }) => ({ name, digest: digestOf(content), mode }))
  await layout.write(files, own)
  assert.deepEqual(await layout.findFaults(written), [])
  writeFileSync(join(folder, 'b'), 'x')
  chmodSync(join(folder, 'c'), 0o600)
  writeFileSync(join(folder, 'd'), 'd')
  rmSync(join(folder, 'a'))
  assert.deepEqual(await layout.findFaults(written), [
    `"${join(folder, 'a')}" is missing or cannot be read`,
    `"${join(folder, 'b')}" is not what was written`,
    `"${join(folder, 'c')}" has mode 0600, not 0644`,
  ])
  assert.equal(existsSync(join(folder, 'a')), false)
})
