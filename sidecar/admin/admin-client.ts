import { request } from 'node:http'

export class AdminClientError extends Error {
  override readonly name = 'AdminClientError'

  /** Whether nobody listens at the socket: there is no running process to ask. */
  get nobodyThere(): boolean {
    const { cause } = this
    return cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED')
  }
}

export interface AdminAnswer {
  readonly httpStatus: number
  readonly body: unknown
}

const timeoutMs = 30_000
const answerLimitBytes = 16 * 1024 * 1024

const adviceByCode: Readonly<Record<string, string>> = {
  ENOENT: 'no such socket: is svidecar running, and does its file have an admin block?',
  ECONNREFUSED: 'nobody answers: svidecar is not running any more',
  EACCES: 'permission denied: the socket belongs to the user svidecar runs as',
}

function adviceFor(error: NodeJS.ErrnoException): string {
  return adviceByCode[error.code ?? ''] ?? error.message
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One question to a running svidecar over its admin socket. Throws `AdminClientError` with what to check. */
export function askAdmin(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  content?: unknown,
): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      reject(new AdminClientError(`cannot ask "${socketPath}": ${adviceFor(cause)}`, { cause }))
    }
    const call = request({ socketPath, method, path, timeout: timeoutMs }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > answerLimitBytes) call.destroy(new Error('the answer is too large'))
      })
      response.on('error', fail)
      response.on('end', () => {
        const body = parseJson(text)
        if (body === undefined) reject(new AdminClientError(`"${socketPath}" does not speak svidecar's admin protocol`))
        else resolve({ httpStatus: response.statusCode ?? 0, body })
      })
    })
    call.on('timeout', () => call.destroy(new Error('no answer in time')))
    call.on('error', fail)
    call.end(content === undefined ? undefined : JSON.stringify(content))
  })
}
