import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'

/** The first flight of Node's TLS: a whole ClientHello, which any number of connections may send. */
export async function clientHello(): Promise<Buffer> {
  const sent: Buffer[] = []
  const nowhere = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      sent.push(chunk)
      nowhere.emit('sent')
      done()
    },
  })
  const tls: TLSSocket = connectTls({ socket: nowhere, rejectUnauthorized: false })
  tls.on('error', () => undefined)
  if (sent.length === 0) await once(nowhere, 'sent')
  tls.destroy()
  return Buffer.concat(sent)
}
