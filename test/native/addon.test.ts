import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync, writeFileSync } from 'node:fs'

import { nofileLimit, outcomeCodes, peerCredentials, version } from '../../native/index.js'
import { platformSuffix } from '../../native/loader.js'
import { repositoryRoot } from '../repository-root.js'
import { backend, echo, folder, makeCast, openTunnel } from './tunnels/fixture.js'

const native = join(repositoryRoot, 'dist', 'native')
const addonFile = `data-plane.${platformSuffix()}.node`

/** Loads a copy of the built folder after `spoil` has changed it, and says what the first use throws. */
function firstUse(home: string, spoil: (folder: string) => void): { code: string; message: string; cause: boolean } {
  cpSync(native, join(home, 'dist', 'native'), { recursive: true })
  cpSync(join(repositoryRoot, 'package.json'), join(home, 'package.json'))
  spoil(join(home, 'dist', 'native'))
  const program = `
    import { nofileLimit } from ${JSON.stringify(join(home, 'dist', 'native', 'index.js'))}
    try { nofileLimit() } catch (e) { console.log(JSON.stringify({ code: e.code, message: e.message, cause: e.cause !== undefined })) }`
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  return JSON.parse(ran.stdout) as { code: string; message: string; cause: boolean }
}

describe('the addon', { timeout: 60_000 }, () => {
  it('has the version of the package', () => {
    const description = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { version: string }
    assert.equal(version, description.version)
  })

  it('that is not built is an error that names the command', (t) => {
    const error = firstUse(folder(t), (home) => rmSync(join(home, addonFile)))
    assert.equal(error.code, 'ERR_NATIVE_NOT_BUILT')
    assert.match(error.message, /npm run build/)
    assert.ok(error.cause)
  })

  it('that cannot be loaded is an error of its own, with the cause', (t) => {
    const error = firstUse(folder(t), (home) => writeFileSync(join(home, addonFile), 'not an ELF file'))
    assert.equal(error.code, 'ERR_NATIVE_NOT_LOADABLE')
    assert.ok(error.cause)
  })

  it('of another version is refused', (t) => {
    const home = folder(t)
    const error = firstUse(home, () => writeFileSync(join(home, 'package.json'), '{"version":"9.9.9"}'))
    assert.equal(error.code, 'ERR_NATIVE_VERSION')
  })

  it('exports what its types say, and nothing else', () => {
    const exported = createRequire(import.meta.url)(join(native, addonFile)) as Record<string, unknown>
    const described = readFileSync(join(repositoryRoot, 'native', 'binding.ts'), 'utf8')
    const functions = described.slice(described.indexOf('export interface Binding {')).matchAll(/^ {2}(\w+)\(/gm)
    const classes = Object.keys(exported).filter((name) => name.startsWith('Binding'))
    assert.deepEqual(Object.keys(exported).sort(), [...classes, ...[...functions].map(([, name = '']) => name)].sort())
    assert.ok(Object.keys(exported).length <= 25)
  })

  it('ends connections in the ways that are listed', async (t) => {
    const { endpoint } = await backend(t, echo)
    const { tunnel } = await openTunnel(t, makeCast(), endpoint)
    assert.deepEqual(Object.keys(tunnel.stats().outcomes).sort(), outcomeCodes.toSorted())
  })
})

describe('peer credentials', { timeout: 60_000 }, () => {
  it('of a unix socket are those of the process on the other end', async (t) => {
    const path = join(folder(t), 'a.sock')
    const server = createServer().listen(path)
    t.after(() => server.close())
    const client = connect(path)
    const [socket] = (await once(server, 'connection')) as [Socket]
    const handle: unknown = Reflect.get(socket, '_handle')
    const fd = typeof handle === 'object' && handle !== null ? Number(Reflect.get(handle, 'fd')) : -1
    const expected = { uid: process.getuid?.(), gid: process.getgid?.(), pid: process.pid }
    assert.deepEqual(peerCredentials(fd), expected)
    socket.end('still usable')
    assert.equal(String((await once(client, 'data'))[0]), 'still usable')
  })

  it('of anything else are not there', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const handle: unknown = Reflect.get(server, '_handle')
    const fd = typeof handle === 'object' && handle !== null ? Number(Reflect.get(handle, 'fd')) : -1
    assert.equal(peerCredentials(fd), undefined)
    assert.equal(peerCredentials(-1), undefined)
    assert.equal(peerCredentials(99_999), undefined)
  })

  it('leave the limit of descriptors readable', () => {
    const { soft, hard } = nofileLimit()
    assert.ok(soft > 0 && soft <= hard)
  })
})
