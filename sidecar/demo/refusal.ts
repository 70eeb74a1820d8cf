import { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import { type SpiffeId, WorkloadApiClient, type X509Svid } from '../../workload-api/index.js'

const answerTimeoutMs = 5000

/** What a client saw that must not get through. */
export interface Refusal {
  readonly id: string
  /** The TLS alert as the client's OpenSSL names it. */
  readonly alert: string
}

/** An SVID with its key, as the authority hands it out over the Workload API. */
export async function fetchSvid(socketPath: string, id: string): Promise<X509Svid> {
  const client = new WorkloadApiClient({ address: `unix:${socketPath}` })
  try {
    const { svids } = await client.fetchX509Context({ signal: AbortSignal.timeout(answerTimeoutMs) })
    const svid = svids.find((candidate) => candidate.id === (id as SpiffeId))
    if (svid === undefined) throw new Error(`the authority did not offer ${id}`)
    return svid
  } finally {
    await client.close()
  }
}

/** Knocks at the server's mTLS port with `svid`, from a TLS client that is not ours, and expects to be sent away. */
export function expectRefusal(port: number, svid: X509Svid): Promise<Refusal> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      cert: svid.chain.map((der) => new X509Certificate(der).toString()).join('\n'),
      key: svid.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      // This client plays the intruder: it does not care whom it talks to.
      rejectUnauthorized: false,
      timeout: answerTimeoutMs,
    })
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.0\r\n\r\n'))
    socket.on('data', () => {
      socket.destroy()
      reject(new Error(`${svid.id} got an answer from the backend`))
    })
    socket.on('timeout', () => socket.destroy(new Error('neither refused nor answered')))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const alert = /alert ([a-z ]+)/.exec(error.message)?.[1]
      if (alert === undefined) reject(error)
      else resolve({ id: svid.id, alert })
    })
    socket.on('end', () => reject(new Error(`${svid.id} was sent away without an alert`)))
  })
}
