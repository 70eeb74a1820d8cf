/** Run under a low limit of open files: fills it with silent clients, and shows that accepting pauses and recovers. */
import { closeSync, openSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'

import { BundleSet, Identity, Listener, Tunnel } from '../../../../native/index.js'
import { allowAll, loopback, makeCast, settings, until } from '../fixture.js'

const cast = makeCast()
const backend = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
await once(backend, 'listening')
const address = backend.address()
const port = typeof address === 'object' ? (address?.port ?? 0) : 0
const listener = await Listener.bind('test', loopback)
const tunnel = await Tunnel.open(
  listener,
  {
    settings: { ...settings, target: { kind: 'tcp', host: '127.0.0.1', port } },
    identity: await Identity.create(cast.server.chain, { pkcs8: cast.server.pkcs8 }),
    bundles: BundleSet.create(cast.ca.bundles),
    authorize: allowAll,
    authorizeReadsChain: false,
  },
  () => undefined,
)
const clients = Array.from({ length: 5 }, () => connect(Number(listener.address.split(':').at(-1)), '127.0.0.1'))
for (const client of clients) client.on('error', () => undefined)
await Promise.all(clients.map((client) => once(client, 'connect')))
await until(() => tunnel.stats().accepted === 5)

const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // Every descriptor is taken: that is what was wanted.
}
// One for the client, none for the tunnel.
closeSync(taken.pop() ?? -1)
const late = connect(Number(listener.address.split(':').at(-1)), '127.0.0.1')
late.on('error', () => undefined)
await until(() => tunnel.stats().pausedAccepts > 0)
process.stdout.write('paused\n')
for (const descriptor of taken) closeSync(descriptor)
await until(() => tunnel.stats().accepted === 6)
process.stdout.write('served\n')
for (const client of [...clients, late]) client.destroy()
await tunnel.close()
backend.close()
