/** Programs that connect to a tunnel in server mode and tell what alert they got. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'

import { closed } from '../closed.js'
import { badCertificates, ours, welcome } from './bad-certificates.js'
import { alertInRecords, alertInText } from './seen-alert.js'
import { TlsPeer } from './tls-peer.js'

/** Connects to 127.0.0.1, tries to send application data, and returns the alert. */
export type HostileClient = (port: number) => Promise<number | null>

const secret = 'this must not reach the backend'

/** Writes as early as TLS 1.3 allows, before the server can have refused: the server must not pass it on. */
async function nodeTls(port: number, options: ConnectionOptions): Promise<number | null> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  socket.on('secureConnect', () => socket.write(secret))
  let alert: number | null = null
  socket.once('error', (error) => (alert = alertInText(error.message)))
  await closed(socket)
  return alert
}

const withCertificate =
  (name: string): HostileClient =>
  (port) => {
    const { chainPem, keyPem } = badCertificates[name]!
    return nodeTls(port, { cert: chainPem, key: keyPem, minVersion: 'TLSv1.3' })
  }

/** `openssl s_client` without a certificate. */
async function opensslWithoutCertificate(port: number): Promise<number | null> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_3', '-quiet'])
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  child.stdin.on('error', () => undefined)
  child.stdin.write(secret)
  await once(child, 'close')
  return alertInText(said)
}

async function tls11(port: number): Promise<number | null> {
  const { chainPem, keyPem } = welcome
  const versions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  return nodeTls(port, { cert: chainPem, key: keyPem, ...versions })
}

const raw =
  (text: string): HostileClient =>
  async (port) => {
    const socket = connect(port, '127.0.0.1')
    const received: Buffer[] = []
    socket.on('data', (bytes) => received.push(bytes))
    socket.write(text)
    await closed(socket)
    return alertInRecords(Buffer.concat(received))
  }

/** Shows a good certificate and signs with another key. */
async function mismatchedKey(port: number): Promise<number | null> {
  using peer = new TlsPeer('client', `127.0.0.1:${port}`, welcome.chainPem, ours.keyPem)
  return (await peer.report()).alert ?? null
}

const special: Readonly<Record<string, HostileClient>> = {
  'no certificate': opensslWithoutCertificate,
  HTTP: raw('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'),
  plaintext: raw(`${secret}\n`),
  'TLS 1.1': tls11,
  'a key that does not match': mismatchedKey,
}

export function hostileClient(name: string): HostileClient {
  return special[name] ?? withCertificate(name)
}

/** A good peer, to show that only what is wrong with the others gets them refused. Returns what the backend echoed. */
export async function welcomeClient(port: number): Promise<string> {
  const { chainPem, keyPem } = welcome
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, cert: chainPem, key: keyPem })
  socket.write('hello')
  const [echoed]: Buffer[] = await once(socket, 'data')
  socket.destroy()
  return echoed?.toString() ?? ''
}
