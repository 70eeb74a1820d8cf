import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

test('the benchmark of the SPIFFE library measures each of its rates', async () => {
  const bench = fileURLToPath(new URL('spiffe.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [bench, 'spiffe', '--quick'])
  for (const metric of ['parseSpiffeId', 'verifyX509Svid', 'JWT-SVID, one', 'JWT-SVID, 64', "20 workloads' updates"]) {
    assert.match(stdout, new RegExp(`${metric}.* \\d+.*(?:met|missed)$`, 'm'))
  }
})
