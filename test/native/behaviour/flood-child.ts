/** Run as a child process, so that the tunnel's process has its descriptors for itself: many sockets that say one thing. */
import { connect, type Socket } from 'node:net'

const [port, count, hello] = process.argv.slice(2)
/** More at once would fill the backlog, and be kept waiting there instead of by the tunnel. */
const atOnce = 200

const open: Socket[] = []
let connected = 0

function start(): void {
  if (open.length === Number(count)) return
  const socket = connect(Number(port), '127.0.0.1', () => {
    if (hello !== undefined) socket.write(Buffer.from(hello, 'base64'))
    connected += 1
    if (connected === Number(count)) process.send?.('connected')
    start()
  })
  // The tunnel drops the oldest of them.
  socket.on('error', () => undefined)
  socket.resume()
  open.push(socket)
}

for (let one = 0; one < atOnce; one += 1) start()
process.on('disconnect', () => process.exit())
