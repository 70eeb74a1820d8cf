import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const program = join(fileURLToPath(import.meta.url), '..', 'programs', 'collected.js')

test('garbage collection of its handle closes no tunnel', { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program])
  assert.equal(stdout, 'still open after collection')
})
