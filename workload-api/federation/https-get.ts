import { request } from 'node:https'
import { TLSSocket, type ConnectionOptions } from 'node:tls'
import { SpiffeError } from '../errors.js'

/** Thousands of authorities; a bundle is read into memory whole. */
const maxBodyBytes = 1024 * 1024

export interface Answer {
  readonly statusCode: number
  readonly location: string | undefined
  readonly body: Uint8Array
}

/**
 * Makes one GET request on a connection of its own.
 *
 * @throws {SpiffeError} `ERR_BUNDLE_ENDPOINT_UNAVAILABLE`, `…_UNTRUSTED` or `…_RESPONSE_INVALID`
 */
export function get(url: URL, tls: ConnectionOptions, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let socket: unknown
    const fail = (error: Error): void => reject(errorFrom(error, socket))
    const options = { ...tls, agent: false as const, signal, headers: { accept: 'application/json' } }
    const call = request(url, options, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('error', fail)
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > maxBodyBytes) call.destroy(tooLarge())
        else chunks.push(chunk)
      })
      response.on('end', () => {
        const { statusCode = 0, headers } = response
        resolve({ statusCode, location: headers.location, body: Buffer.concat(chunks) })
      })
    })
    call.on('socket', (used) => (socket = used))
    call.on('error', fail)
    call.end()
  })
}

/** The one place where an error of a request becomes ours. */
function errorFrom(cause: Error, socket: unknown): SpiffeError {
  if (cause instanceof SpiffeError && cause.code === 'ERR_BUNDLE_ENDPOINT_RESPONSE_INVALID') return cause
  // Node's verdict and that of `checkServerIdentity` both stand there.
  if (socket instanceof TLSSocket && isGiven(socket.authorizationError)) {
    const message = 'the bundle endpoint is not the one it should be: its certificate is not trusted'
    return new SpiffeError('ERR_BUNDLE_ENDPOINT_UNTRUSTED', message, { cause })
  }
  return new SpiffeError('ERR_BUNDLE_ENDPOINT_UNAVAILABLE', 'the bundle endpoint cannot be reached', { cause })
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function tooLarge(): SpiffeError {
  const message = `the answer of the bundle endpoint is larger than ${maxBodyBytes} bytes`
  return new SpiffeError('ERR_BUNDLE_ENDPOINT_RESPONSE_INVALID', message)
}
