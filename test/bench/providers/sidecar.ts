import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot } from '../../repository-root.js'
import type { Certificates } from '../certificates.js'
import { RunningProxy } from '../child-process.js'
import { freeAddress } from '../free-address.js'
import { Backend, Load } from '../load.js'
import { configuration } from '../proxies/svidecar.js'
import { StaticAgent } from '../static-agent.js'
import { type Column, type Devices, keyProviderBlock } from './devices.js'

export interface Subject {
  readonly pid: number
  readonly address: string
  readonly load: Load
}

const program = join(repositoryRoot, 'dist', 'bin', 'main.js')

/**
 * Runs `work` against `svidecar run`, a tunnel in server mode whose key is in the column's device. The key is the one the
 * peers expect, imported; what a signature costs does not depend on where a key came to be.
 */
export async function withSidecar<T>(
  column: Column,
  devices: Devices,
  certificates: Certificates,
  work: (subject: Subject) => Promise<T>,
): Promise<T> {
  const folder = await devices.newFolder()
  const load = new Load({ root: repositoryRoot, certificates })
  await using backend = await Backend.start(load, await freeAddress(), false)
  await using _agent = await StaticAgent.start(join(folder, 'agent.sock'), certificates.ca, certificates.server)
  const listen = await freeAddress()
  const allowed = certificates.client.spiffeId
  const role = { mode: 'server', listen, target: backend.address, certificates, allowed, folder } as const
  const file = join(folder, 'svidecar.conf')
  const plain = configuration(role, 'key_exchange = ["X25519"]')
  const config = plain.replace('source = "workload-api"', 'source = "workload-api" key_provider = "device"')
  await writeFile(file, keyProviderBlock(column, join(folder, 'keys')) + config)
  const command = { command: process.execPath, args: [program, 'run', '-config', file, '--log-format', 'json'] }
  await using running = await RunningProxy.start(command, listen, join(folder, 'log'))
  return await work({ pid: running.pid, address: listen, load })
}
