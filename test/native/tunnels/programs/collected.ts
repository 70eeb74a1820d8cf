/** A process whose tunnel nobody holds: says what came back through it after garbage collection. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { connect } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { Listener, Tunnel } from '../../../../native/index.js'
import { echo, loopback, makeCast, stateOf } from '../fixture.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const cast = makeCast()

// Outside of the function: a callback made in it would hold what the function holds.
let tellCollected: () => void = () => undefined
const collected = new Promise<void>((resolve) => (tellCollected = resolve))
const registry = new FinalizationRegistry(() => tellCollected())

async function openAndForget(targetPort: number): Promise<number> {
  const listener = await Listener.bind('test', loopback)
  const state = await stateOf(cast, { kind: 'tcp', host: '127.0.0.1', port: targetPort })
  registry.register(await Tunnel.open(listener, state, () => undefined), undefined)
  return Number(listener.address.split(':').at(-1))
}

const backend = createServer(echo).listen(0, '127.0.0.1')
// Its clients hang up, and the tunnel resets what was cut off.
backend.on('connection', (socket) => socket.on('error', () => undefined))
await once(backend, 'listening')
const address = backend.address()
const port = await openAndForget(typeof address === 'object' ? (address?.port ?? 0) : 0)

const { chainPem: cert, keyPem: key } = cast.client
const connectOnce = async (word: string): Promise<string> => {
  const client = connect({ host: '127.0.0.1', port, cert, key, rejectUnauthorized: false })
  client.write(word)
  const [answer] = (await once(client, 'data')) as [Buffer]
  client.destroy()
  return String(answer)
}

await connectOnce('before')
const collecting = setInterval(collect, 10)
await collected
clearInterval(collecting)
collect()
// What a finalizer ends, it ends within moments: several connections, one after another.
const words = ['still', 'open', 'after', 'collection']
const answers: string[] = []
for (const word of words) answers.push(await connectOnce(word))
process.stdout.write(answers.join(' '))
process.exit(0)
