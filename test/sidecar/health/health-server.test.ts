import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test, type TestContext } from 'node:test'
import type { HealthConfig } from '../../../sidecar/config/output-model.js'
import { HealthServer, type HealthSource } from '../../../sidecar/health/health-server.js'
import type { FileStatus } from '../../../sidecar/outputs/output-status.js'

interface Told {
  live: boolean
  ready: boolean
  files: readonly FileStatus[]
}

async function serve(t: TestContext, changes: Partial<HealthConfig> = {}) {
  const told: Told = { live: true, ready: true, files: [] }
  const source: HealthSource = {
    isLive: () => told.live,
    isReady: () => Promise.resolve(told.ready),
    fileStatuses: () => told.files,
  }
  const config = { host: undefined, port: 0, livenessPath: '/live', readinessPath: '/ready', ...changes }
  const server = await HealthServer.open(config, source)
  t.after(() => server.close())
  const ask = async (path: string, host = '127.0.0.1', init?: RequestInit) => {
    const response = await fetch(`http://${host}:${server.port}${path}`, init)
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
  }
  return { told, ask }
}

test('it answers as spiffe-helper does', async (t) => {
  const { told, ask } = await serve(t)
  told.files = [
    { path: 'certs/svid.pem', kind: 'x509', state: 'written' },
    { path: 'certs/jwt.token', kind: 'jwt', state: 'written' },
  ]
  assert.deepEqual(await ask('/ready'), {
    status: 200,
    type: 'application/json',
    text: '{"status":"OK","health":{"file_write_statuses":{"x509_write_status":"written","jwt_write_status":{"certs/jwt.token":"written"}}}}',
  })
  told.ready = false
  told.files = []
  assert.deepEqual(await ask('/ready'), {
    status: 503,
    type: 'application/json',
    text: '{"status":"Service Unavailable","health":{"file_write_statuses":{"jwt_write_status":{}}}}',
  })
})

test('the two paths are judged apart, at each request', async (t) => {
  const { told, ask } = await serve(t, { livenessPath: '/healthz/live', readinessPath: '/healthz/ready' })
  told.ready = false
  assert.deepEqual([(await ask('/healthz/live')).status, (await ask('/healthz/ready?x=1')).status], [200, 503])
  told.live = false
  told.ready = true
  assert.deepEqual([(await ask('/healthz/live')).status, (await ask('/healthz/ready')).status], [503, 200])
})

test('there are only the two paths', async (t) => {
  const { ask } = await serve(t)
  for (const path of ['/', '/live/', '/metrics', '/LIVE', '/status']) assert.equal((await ask(path)).status, 404)
})

test('one failed file makes the X.509 status failed, one unwritten file unwritten', async (t) => {
  const { told, ask } = await serve(t)
  const states = async (...given: FileStatus['state'][]) => {
    told.files = given.map((state, index) => ({ path: String(index), kind: 'x509', state }))
    return JSON.parse((await ask('/live')).text).health.file_write_statuses.x509_write_status as string
  }
  assert.equal(await states('written', 'unwritten'), 'unwritten')
  assert.equal(await states('written', 'failed', 'unwritten'), 'failed')
})

const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address

test(
  'every address is bound, and bind_address narrows it',
  { skip: outside === undefined && 'loopback only' },
  async (t) => {
    const everywhere = await serve(t)
    assert.equal((await everywhere.ask('/live', outside)).status, 200)
    const narrowed = await serve(t, { host: '127.0.0.1' })
    assert.equal((await narrowed.ask('/live')).status, 200)
    await assert.rejects(narrowed.ask('/live', outside))
  },
)

test('port in use', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1')
  t.after(() => holder.close())
  await new Promise((resolve) => holder.once('listening', resolve))
  const { port } = holder.address() as AddressInfo
  await assert.rejects(serve(t, { host: '127.0.0.1', port }), {
    code: 'ERR_HEALTH_LISTEN',
    message: `health_checks cannot listen on 127.0.0.1, port ${port}: another process has it`,
  })
})
