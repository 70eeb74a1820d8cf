import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import type { EndpointAddress } from '../../workload-api/index.js'
import type { Findings } from './examination.js'

const connectTimeoutMs = 5_000

/** What each failure to dial means, by the name of the system's error. */
const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens',
  EACCES: `uid ${process.geteuid?.()} may not open it`,
  EPERM: `uid ${process.geteuid?.()} may not open it`,
  ETIMEDOUT: 'no answer',
}

/** The file and a connection to it; false when there is none. */
export async function examineSocket(address: EndpointAddress, findings: Findings, advice: string): Promise<boolean> {
  const { path } = address
  if (path === undefined) findings.ok('socket', 'an address of TCP has no file')
  else if (!(await examineFile(path, findings, advice))) return false
  const failure = await dial(address)
  if (failure === undefined) {
    findings.ok('connection', 'somebody listens')
    return true
  }
  findings.failed('connection', `${meanings[failure] ?? failure}: ${advice}`)
  return false
}

async function examineFile(path: string, findings: Findings, advice: string): Promise<boolean> {
  try {
    const found = await stat(path)
    if (found.isSocket()) findings.ok('socket', `${path} is there, ${ownership(found)}`)
    else findings.failed('socket', `${path} is a file that is no socket: is a folder with the socket meant?`)
    return found.isSocket()
  } catch (error) {
    const code = codeOf(error)
    const what = code === 'EACCES' ? 'this user may not look for it' : 'there is no such file'
    findings.failed('socket', `${path}: ${what}: ${advice}`)
    return false
  }
}

function ownership({ mode, uid, gid }: Stats): string {
  return `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}, of uid ${uid} and gid ${gid}`
}

/** The name of the error, or undefined when a connection came about. */
function dial({ path, display }: EndpointAddress): Promise<string | undefined> {
  const target = path === undefined ? tcpTarget(display) : { path }
  return new Promise((resolve) => {
    const socket = connect({ ...target, timeout: connectTimeoutMs })
    const end = (failure: string | undefined) => {
      socket.destroy()
      resolve(failure)
    }
    socket.once('connect', () => end(undefined))
    socket.once('timeout', () => end('ETIMEDOUT'))
    socket.once('error', (error) => end(codeOf(error)))
  })
}

/** `tcp://[::1]:8081`, which is canonical. */
function tcpTarget(display: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(display)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error)
}
