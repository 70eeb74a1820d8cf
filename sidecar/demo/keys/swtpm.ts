import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DemoDevice, DemoSide } from './demo-keys.js'
import { requireProgram } from './require-program.js'

const host = '127.0.0.1'
const startAttempts = 5
const startDeadlineMs = 5_000
const sides: readonly DemoSide[] = ['server', 'client']

interface Swtpm {
  readonly port: number
  readonly process: ChildProcess
}

/** A TPM in software for each sidecar, as each would stand on a machine of its own. Throws when swtpm is not installed. */
export async function startSwtpm(folder: string): Promise<DemoDevice> {
  requireProgram('swtpm', 'swtpm')
  const tpms = new Map<DemoSide, Swtpm>()
  const close = async () => {
    await Promise.all([...tpms.values()].map(stop))
  }
  try {
    for (const side of sides) tpms.set(side, await start(join(folder, `${side}-tpm`)))
  } catch (error) {
    await close()
    throw error
  }
  return {
    description: 'Tpm: a TPM in software (swtpm) for each sidecar',
    residency: 'generated in Tpm',
    settingsOf: (side) => ({
      type: 'Tpm',
      tcti: `swtpm:host=${host},port=${tpms.get(side)?.port ?? 0}`,
      key_store_dir: join(folder, `${side}-keys`),
    }),
    close,
  }
}

/** libtss2 takes one port and expects the control channel at the next: another may take either before swtpm does. */
async function start(state: string): Promise<Swtpm> {
  await mkdir(state, { mode: 0o700 })
  for (let attempt = 0; attempt < startAttempts; attempt += 1) {
    const port = await freePortPair()
    const channel = (number: number) => `type=tcp,port=${number},bindaddr=${host}`
    const args = [
      'socket',
      '--tpm2',
      '--tpmstate',
      `dir=${state}`,
      '--server',
      channel(port),
      '--ctrl',
      channel(port + 1),
    ]
    const tpm = {
      port,
      process: spawn('swtpm', [...args, '--flags', 'not-need-init,startup-clear'], { stdio: 'ignore' }),
    }
    if (await answers(tpm)) return tpm
    await stop(tpm)
  }
  throw new Error('swtpm does not start')
}

async function answers({ port, process }: Swtpm): Promise<boolean> {
  for (const deadline = Date.now() + startDeadlineMs; Date.now() < deadline; await sleep(20)) {
    if (process.exitCode !== null || process.signalCode !== null) return false
    if (await accepts(port)) return true
  }
  return false
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

async function stop({ process }: Swtpm): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  const ended = once(process, 'exit')
  process.kill('SIGKILL')
  await ended
}

async function freePortPair(): Promise<number> {
  for (;;) {
    const first = await listen(0)
    const port = first === undefined ? undefined : (first.address() as AddressInfo).port
    const second = port === undefined ? undefined : await listen(port + 1)
    first?.close()
    second?.close()
    if (port !== undefined && second !== undefined) return port
  }
}

function listen(port: number): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, host, () => resolve(server))
  })
}
