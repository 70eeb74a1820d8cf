/** A process, or worker, with a tunnel in full traffic; the argument says how it ends. */
import { sign } from 'node:crypto'
import { connect as tlsConnect } from 'node:tls'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'

import { BundleSet, Identity, type IdentityKey, Listener, Tunnel } from '../../../../native/index.js'
import { allowAll, loopback, makeCast, settings, until } from '../fixture.js'

const ending = process.argv.at(-1) as 'close' | 'exit' | 'exit-signing' | 'worker'
const cast = makeCast()
const sockets = new Set<Socket>()
const backend = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.pipe(socket)
}).listen(0, '127.0.0.1')
await once(backend, 'listening')
const address = backend.address()
const port = typeof address === 'object' ? (address?.port ?? 0) : 0

let stuck = false
const key: IdentityKey = {
  schemes: ['ecdsa_secp256r1_sha256'],
  sign: (_, message) =>
    stuck ? new Promise(() => undefined) : Promise.resolve(sign('sha256', message, cast.server.key)),
}
const listener = await Listener.bind('test', loopback)
const tunnel = await Tunnel.open(
  listener,
  {
    settings: { ...settings, target: { kind: 'tcp', host: '127.0.0.1', port } },
    identity: await Identity.create(cast.server.chain, key),
    bundles: BundleSet.create(cast.ca.bundles),
    authorize: allowAll,
    authorizeReadsChain: false,
  },
  () => undefined,
)
process.stdout.write('open\n')

function talk(): void {
  const { chainPem: cert, keyPem } = cast.client
  const own = { cert, key: keyPem, rejectUnauthorized: false }
  const client = tlsConnect({ host: '127.0.0.1', port: Number(listener.address.split(':').at(-1)), ...own })
  client.on('error', () => undefined)
  client.on('data', () => client.write(Buffer.alloc(50_000)))
  client.write('begin')
}

switch (ending) {
  case 'close':
    // Nothing else keeps this process: without the tunnel it would end before the timer of an unref'd handle fires.
    backend.unref()
    setTimeout(() => {
      void tunnel.close().then(() => process.stdout.write('closed\n'))
    }, 300).unref()
    break
  case 'exit':
  case 'worker':
    for (let count = 0; count < 10; count += 1) talk()
    await until(() => tunnel.stats().bytesToPeer > 5_000_000)
    process.stdout.write('busy\n')
    if (ending === 'exit') process.exit(7)
    break
  case 'exit-signing':
    stuck = true
    for (let count = 0; count < 50; count += 1) talk()
    await until(() => tunnel.stats().handshaking === 50)
    process.stdout.write('busy\n')
    process.exit(7)
    break
}
