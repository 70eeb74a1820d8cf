/** Run in a worker thread: a tunnel that signs in JavaScript, for `healthy` peers and then never again. */
import { parentPort, workerData } from 'node:worker_threads'

import { JsSigner } from './js-signer.js'
import { loopback, TunnelLab, welcome } from './tunnel-lab.js'
import type { ChildTunnel } from './tunnel-child.js'

export interface WorkerOrders {
  readonly targetPort: number
  readonly healthy: number
  /** Says so when that many wait for their signature. */
  readonly stuck: number
}

const { targetPort, healthy, stuck }: WorkerOrders = workerData
const signer = new JsSigner()
const lab = await TunnelLab.open({ mode: 'server', target: loopback(targetPort), key: signer.key })
const { sign } = signer
signer.sign = (message) => (signer.made > healthy ? never() : sign(message))
parentPort?.once('message', () => void lab.tunnel.close())
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage({ port: lab.port, cert: welcome.chainPem, key: welcome.keyPem } satisfies ChildTunnel)

function never(): Promise<Uint8Array> {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  if (signer.pending === stuck) parentPort?.postMessage('stuck')
  return new Promise(() => undefined)
}
