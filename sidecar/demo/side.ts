import { adminPaths } from '../admin/admin-protocol.js'
import { askAdmin } from '../admin/admin-client.js'
import type { Status } from '../admin/status.js'
import { type LogLine, SidecarProcess } from './sidecar-process.js'

const pollMs = 50

/** One of the two sidecars of the demo: what its log and its status told so far. */
export class Side {
  readonly name: string
  readonly process: SidecarProcess
  readonly peerSerials = new Set<string>()
  readonly peers = new Set<string>()
  readonly refusals: { readonly peer: string; readonly outcome: string; readonly reason: string }[] = []
  svids = 0
  readonly #adminSocket: string

  constructor(name: string, configFile: string, adminSocket: string, say: (text: string) => void) {
    this.name = name
    this.#adminSocket = adminSocket
    this.process = new SidecarProcess(name, ['run', '--config', configFile], (line) => this.#read(line, say))
  }

  status(): Promise<Status> {
    return askAdmin(this.#adminSocket, 'GET', adminPaths.status).then(({ body }) => body as Status)
  }

  /** Resolves when its status says ready; rejects when it ended or the signal fired. */
  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      const status = await this.status().catch(() => undefined)
      if (status?.ready === true) return
      if (!this.process.running) throw new Error(`the ${this.name} ended: ${this.process.lastLines.at(-1) ?? 'no log'}`)
      if (signal.aborted)
        throw new Error(`the ${this.name} is not ready: ${status?.problems.join('; ') ?? 'it does not answer'}`)
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
  }

  #read(line: LogLine, say: (text: string) => void): void {
    if (line.message === 'SVID in use' || line.message === 'SVID rotated') {
      this.svids += 1
      say(
        `${this.name}: ${line.message}, serial ${shortSerial(line.serialNumber ?? '')}, until ${line.notAfter?.slice(11, 19)}`,
      )
    }
    if (line.message === 'connection') this.#readConnection(line, say)
  }

  #readConnection(line: LogLine, say: (text: string) => void): void {
    if (line.decision === 'denied') {
      const refusal = {
        peer: line.peer ?? 'unknown',
        outcome: line.outcome ?? '',
        reason: line.reason ?? '',
      }
      this.refusals.push(refusal)
      say(
        `${this.name}: refused ${refusal.peer}: ${refusal.outcome}${refusal.reason === '' ? '' : ` (${refusal.reason})`}`,
      )
      return
    }
    if (line.serialNumber !== undefined) this.peerSerials.add(line.serialNumber)
    if (line.peer !== undefined) this.peers.add(line.peer)
  }
}

/** Enough of a serial number to tell two apart. */
function shortSerial(serial: string): string {
  return serial.length > 12 ? `${serial.slice(0, 12)}…` : serial
}
