/**
 * Run as a child process: a tunnel in server mode that signs in JavaScript, `healthy` times and then never again. Says
 * where it is and with what a peer may come; tells its numbers when asked, and goes away when it is told to.
 */
import { exitCode } from './child-process.js'
import { JsSigner } from './js-signer.js'
import { loopback, TunnelLab, welcome } from './tunnel-lab.js'

export interface ChildTunnel {
  readonly port: number
  readonly cert: string
  readonly key: string
}

export interface ChildStats {
  readonly active: number
  readonly handshaking: number
  readonly pausedAccepts: number
}

export type ChildOrder = 'stats' | 'exit' | 'close'

const [targetPort, healthy] = process.argv.slice(2).map(Number)
const signer = new JsSigner()
const lab = await TunnelLab.open({ mode: 'server', target: loopback(targetPort!), key: signer.key })
const { sign } = signer
// One more for the proof of the identity.
signer.sign = (message) => (signer.made > healthy! ? new Promise(() => undefined) : sign(message))
process.on('message', (order: ChildOrder) => {
  if (order === 'exit') process.exit(exitCode)
  if (order === 'close') void lab.tunnel.close().then(() => process.disconnect())
  if (order === 'stats') {
    const { active, handshaking, pausedAccepts } = lab.tunnel.stats()
    process.send?.({ active, handshaking, pausedAccepts } satisfies ChildStats)
  }
})
process.send?.({ port: lab.port, cert: welcome.chainPem, key: welcome.keyPem } satisfies ChildTunnel)
