import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ConfigError, loadConfig, validateConfig } from '../../../sidecar/config/index.js'
import { accounts, tunnel } from './faults-of.js'

async function file(context: TestContext, content: string | Buffer, name = 'helper.conf'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'svidecar-config-'))
  context.after(() => rm(folder, { recursive: true }))
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

async function errorOf(load: Promise<unknown>): Promise<ConfigError> {
  try {
    await load
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  return assert.fail('the file was accepted')
}

const options = { env: {}, accounts }

test('a file on the disk is read and keeps its path', async (context) => {
  const path = await file(context, tunnel(''))
  assert.equal((await loadConfig(path, options)).path, path)
})

test('a file that cannot be read is one line with the reason of the system', async () => {
  const missing = await errorOf(loadConfig('/nonexistent/helper.conf', options))
  assert.equal(missing.code, 'ERR_CONFIG_UNREADABLE')
  assert.deepEqual(missing.lines, [
    "/nonexistent/helper.conf: cannot be read: ENOENT: no such file or directory, open '/nonexistent/helper.conf'",
  ])
  assert.equal((await errorOf(loadConfig('/', options))).code, 'ERR_CONFIG_UNREADABLE')
})

test('bytes that are not UTF-8 are a fault where they stand', async (context) => {
  const cases: readonly (readonly [bytes: Buffer, place: string])[] = [
    [Buffer.from([0x61, 0x0a, 0x62, 0xff, 0x63]), '2:2'],
    [Buffer.from([0xef, 0xbf, 0xbd, 0xc3, 0xa9, 0xc0, 0xaf]), '1:3'],
    [Buffer.from([0x61, 0xe2, 0x82]), '1:2'],
    [Buffer.from([0xed, 0xa0, 0x80]), '1:1'],
  ]
  for (const [bytes, place] of cases) {
    const path = await file(context, bytes)
    assert.deepEqual((await errorOf(loadConfig(path, options))).lines, [`${path}:${place}: not UTF-8 from here on`])
  }
})

test('a file larger than any configuration is not read to its end', async () => {
  const { lines } = await errorOf(loadConfig('/dev/zero', options))
  assert.deepEqual(lines, ['/dev/zero:1:1: the file is larger than 8388608 bytes'])
})

test('a path with control characters is inert in the lines of its faults', async () => {
  const [line] = (await errorOf(loadConfig('/nonexistent/\u001b[2J\n', options))).lines
  assert.ok(line?.startsWith('/nonexistent/\\u001b[2J\\u000a: cannot be read: ENOENT'))
})

test('validate checks the registration file of each authority too', async (context) => {
  const entries = await file(context, 'entry { uid = 0 spiffe_ids = ["spiffe://other/a"] }', 'entries.hcl')
  const path = await file(
    context,
    `authority "l" { listen = "unix:/run/l.sock" trust_domain = "td" registration_file = "${entries}" }`,
  )
  const { lines } = await errorOf(validateConfig(path, options))
  assert.deepEqual(lines, [`${entries}:1:30: "spiffe://other/a" is not of the trust domain "td"`])
  await writeFile(entries, 'entry { uid = 0 spiffe_ids = ["spiffe://td/a"] }')
  assert.equal((await validateConfig(path, options)).authorities.length, 1)
})
