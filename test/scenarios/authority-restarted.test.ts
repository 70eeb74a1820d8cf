import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { RunningSidecar, temporaryFolder } from './running-sidecar.js'

test('an authority whose key is in an encrypted store is the same one after a restart', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'store-key'), randomBytes(32), { mode: 0o600 })
  mkdirSync(join(folder, 'ca'), { mode: 0o700 })
  const config = `
key_provider "keys" {
  type           = "Software"
  store          = "encrypted"
  key_store_dir  = "${join(folder, 'keys')}"
  store_key_file = "${join(folder, 'store-key')}"
}
authority "lab" {
  listen       = "unix:${join(folder, 'ca.sock')}"
  trust_domain = "lab.test"
  data_dir     = "${join(folder, 'ca')}"
  key_provider = "keys"
}
`
  const serials: (string | undefined)[] = []
  for (const life of ['first', 'second']) {
    const sidecar = new RunningSidecar(t, folder, life, config)
    const status = await sidecar.ready()
    serials.push(status.authorities[0]?.authorities[0]?.serialNumber)
    assert.equal(await sidecar.stop(), 0)
  }
  assert.ok(serials[0])
  assert.equal(serials[1], serials[0])
})
