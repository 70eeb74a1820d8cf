import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('main.js', import.meta.url))

test('three minutes of rotations, reloads, churn, a flapping backend and a slow signer end without a failure', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'svidecar-soak-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const output = join(folder, 'soak')
  const { status, stdout } = spawnSync(process.execPath, [program, '--minutes', '3', '--output', output], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout)
  assert.ok(existsSync(`${output}.svg`))
})
