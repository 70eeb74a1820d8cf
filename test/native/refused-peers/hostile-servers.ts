/** Programs that a tunnel in client mode dials, and that tell what alert they got and what data. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

import { badCertificates, ours, welcome } from './bad-certificates.js'
import { alertInRecords, alertInText } from './seen-alert.js'
import { TlsPeer } from './tls-peer.js'

/** What the server saw of its first connection, when that has ended. */
export interface Seen {
  readonly alert: number | null
  /** Application data that reached it. */
  readonly received: string
}

export interface HostileServer extends AsyncDisposable {
  readonly port: number
  readonly seen: Promise<Seen>
}

type Start = () => Promise<HostileServer>

async function listen(server: Server, seen: Promise<Seen>): Promise<HostileServer> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.close()
    await once(server, 'close')
  }
  return { port, seen, [Symbol.asyncDispose]: close }
}

const withCertificate =
  (name: string): Start =>
  () => {
    const { chainPem, keyPem } = badCertificates[name]!
    const server = createTlsServer({ cert: chainPem, key: keyPem, minVersion: 'TLSv1.3' })
    const seen = new Promise<Seen>((resolve) => {
      let received = ''
      server.on('tlsClientError', (error) => resolve({ alert: alertInText(error.message), received }))
      server.on('secureConnection', (socket) => {
        socket.on('data', (data: Buffer) => (received += data.toString()))
        socket.on('error', (error) => resolve({ alert: alertInText(error.message), received }))
        socket.on('close', () => resolve({ alert: null, received }))
      })
    })
    return listen(server, seen)
  }

/** Answers the hello with bytes of its own choice; all it gets is unencrypted. */
const raw =
  (answer: Uint8Array): Start =>
  () => {
    const server = createServer()
    const seen = new Promise<Seen>((resolve) => {
      server.once('connection', (socket) => {
        const received: Buffer[] = []
        socket.on('data', (data) => received.push(data))
        socket.once('data', () => socket.write(answer))
        socket.on('error', () => undefined)
        socket.on('close', () => {
          const bytes = Buffer.concat(received)
          resolve({ alert: alertInRecords(bytes), received: bytes.includes('secret') ? 'secret' : '' })
        })
      })
    })
    return listen(server, seen)
  }

/** A ServerHello of TLS 1.1 (RFC 4346 section 7.4.1.3): version 3.2, no session, TLS_RSA_WITH_AES_128_CBC_SHA. */
function serverHello11(): Uint8Array {
  const body = Buffer.concat([Buffer.from('0302', 'hex'), Buffer.alloc(32, 7), Buffer.from('00002f00', 'hex')])
  const header = Buffer.from([22, 3, 2, 0, body.length + 4, 2, 0, 0, body.length])
  return Buffer.concat([header, body])
}

const rustPeer =
  (chainPem: string, keyPem: string): Start =>
  async () => {
    const peer = new TlsPeer('server', '127.0.0.1:0', chainPem, keyPem)
    const { port } = await peer.report()
    const seen = peer.report().then(({ alert, received }) => ({ alert: alert ?? null, received: received ?? '' }))
    return { port: port ?? 0, seen, [Symbol.asyncDispose]: async () => peer[Symbol.dispose]() }
  }

/** `openssl s_server -nocert`: it refuses the handshake itself. */
const opensslWithoutCertificate: Start = async () => {
  const child = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', '-nocert', '-tls1_3', '-naccept', '1'])
  let said = ''
  const accepting = new Promise<number>((resolve) => {
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString()
      const found = /ACCEPT \S+:(\d+)/.exec(said)
      if (found) resolve(Number(found[1]))
    })
  })
  let complained = ''
  child.stderr.on('data', (text: Buffer) => (complained += text.toString()))
  const seen = once(child, 'close').then(() => ({
    alert: alertInText(complained),
    received: said.includes('secret') ? 'secret' : '',
  }))
  return { port: await accepting, seen, [Symbol.asyncDispose]: async () => void child.kill('SIGKILL') }
}

const special: Readonly<Record<string, Start>> = {
  'an empty Certificate message': rustPeer('', welcome.keyPem),
  'a server that has none': opensslWithoutCertificate,
  HTTP: raw(Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')),
  plaintext: raw(Buffer.from('220 mail.example.org ESMTP\r\n')),
  'TLS 1.1': raw(serverHello11()),
  'a key that does not match': rustPeer(welcome.chainPem, ours.keyPem),
}

export function hostileServer(name: string): Promise<HostileServer> {
  return (special[name] ?? withCertificate(name))()
}

/** A good server that echoes. */
export async function welcomeServer(): Promise<HostileServer> {
  const server = createTlsServer({ cert: welcome.chainPem, key: welcome.keyPem })
  server.on('secureConnection', (socket) => socket.pipe(socket).on('error', () => undefined))
  return listen(server, Promise.resolve({ alert: null, received: '' }))
}
