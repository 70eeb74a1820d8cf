import { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import { type X509Svid, WorkloadApiClient } from '../../workload-api/index.js'
import { patienceMs } from './exchange.js'

const askedWithinMs = 3_000

/** The SVID of a workload that is no sidecar; undefined while the authority does not answer. */
export async function fetchGuest(socketPath: string, id: string): Promise<X509Svid | undefined> {
  const client = new WorkloadApiClient({ address: `unix:${socketPath}` })
  try {
    const { svids } = await client.fetchX509Context({ signal: AbortSignal.timeout(askedWithinMs) })
    return svids.find((svid) => String(svid.id) === id)
  } catch {
    return undefined // the authority is being restarted
  } finally {
    await client.close()
  }
}

/** Knocks with Node's own TLS and says what became of it: `let in`, or the TLS alert's text, or what else ended it. */
export function knock(port: number, svid: X509Svid): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      cert: svid.chain.map((der) => new X509Certificate(der).toString()).join('\n'),
      key: svid.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      // The guest does not care whom it talks to.
      rejectUnauthorized: false,
      timeout: patienceMs,
    })
    const end = (what: string) => {
      socket.destroy()
      resolve(what)
    }
    socket.once('secureConnect', () => socket.write('guest'))
    socket.once('data', (chunk) => end(String(chunk) === 'guest' ? 'let in' : 'answered with other bytes'))
    socket.once('timeout', () => end('neither refused nor answered'))
    socket.once('error', (error) => end(/alert ([a-z ]+)/.exec(error.message)?.[1] ?? error.message))
    socket.once('close', () => end('closed without an alert'))
  })
}
