import { connect } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import type { FloodOptions } from './handshake-flood.js'

const { port, peer, perSecond } = workerData as FloodOptions
const tickMs = 10
const counts = { begun: 0, served: 0, refused: 0 }
const startedAt = performance.now()

function begin(): void {
  counts.begun += 1
  let ended = false
  const socket = connect({ ...peer, host: '127.0.0.1', port })
  const end = (how: 'served' | 'refused') => {
    if (!ended) counts[how] += 1
    ended = true
    socket.destroy()
  }
  socket.once('secureConnect', () => socket.write('flood'))
  socket.once('data', () => end('served'))
  socket.on('error', () => end('refused'))
  socket.once('close', () => end('refused'))
}

// By the clock and not by the timer: a late tick begins what the earlier ones left out.
setInterval(() => {
  const due = ((performance.now() - startedAt) / 1000) * perSecond
  while (counts.begun < due) begin()
}, tickMs)
parentPort?.on('message', () => parentPort?.postMessage(counts))
