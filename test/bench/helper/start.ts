import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Certificates } from '../certificates.js'
import { freeAddress } from '../free-address.js'
import { residentBytes } from '../process-tree.js'
import { StaticAgent } from '../static-agent.js'
import type { Sample } from '../table.js'
import { connect } from 'node:net'

const MiB = 1024 ** 2
const svidecarProgram = fileURLToPath(new URL('../../../bin/main.js', import.meta.url))
const lookMs = 2
const patienceMs = 20_000
/** Enough for a start's garbage to be collected and its threads to fall asleep. */
const settleMs = 2000

/** One way to do the job. */
interface Contender {
  readonly name: string
  /** What the file has beside the agent and `cert_dir`. */
  readonly config: (place: Place) => string
  readonly command: readonly string[]
  readonly isDone: (place: Place) => boolean | Promise<boolean>
}

interface Place {
  readonly folder: string
  readonly certs: string
  readonly listen: string
  readonly certificates: Certificates
}

export const startMetrics = {
  files: 'start to first files',
  tunnel: 'start to listening',
  resident: 'resident 2 s later',
}

const files = `svid_file_name = "svid.pem"
svid_key_file_name = "svid_key.pem"
svid_bundle_file_name = "svid_bundle.pem"
`

function filesThere({ certs }: Place): boolean {
  return ['svid.pem', 'svid_key.pem', 'svid_bundle.pem'].every((name) => existsSync(join(certs, name)))
}

function accepts({ listen }: Place): Promise<boolean> {
  const [host = '', port] = listen.split(':')
  const socket = connect({ host, port: Number(port) })
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).then((isUp) => {
    socket.destroy()
    return isUp === true
  })
}

const helperBinary = process.env['SPIFFE_HELPER_BIN']
const ghostunnelBinary = process.env['GHOSTUNNEL_BIN']

function ghostunnelConfig({ certs, listen, certificates }: Place): string {
  const stores = `--cert ${certs}/svid.pem --key ${certs}/svid_key.pem --cacert ${certs}/svid_bundle.pem`
  const args = `server --listen ${listen} --target 127.0.0.1:9 ${stores} --allow-uri ${certificates.client.spiffeId}`
  return `${files}cmd = "${ghostunnelBinary}"\ncmd_args = "${args}"\nrenew_signal = "SIGUSR1"\n`
}

const svidecar = [process.execPath, svidecarProgram, 'run', '-config']

/** What is on this machine, and the names of what is not. */
export function contenders(): { readonly present: readonly Contender[]; readonly missing: readonly string[] } {
  const helper = helperBinary === undefined ? undefined : [helperBinary, '-config']
  const all: readonly (Omit<Contender, 'command'> & { readonly command: readonly string[] | undefined })[] = [
    { name: 'svidecar', command: svidecar, config: () => files, isDone: filesThere },
    { name: 'spiffe-helper', command: helper, config: () => files, isDone: filesThere },
    {
      name: 'svidecar tunnel',
      command: svidecar,
      config: ({ listen, certificates }) =>
        `tunnel "t" { mode = "server" listen = "${listen}" target = "127.0.0.1:9" allow { ids = ["${certificates.client.spiffeId}"] } }\n`,
      isDone: accepts,
    },
    {
      name: 'svidecar + ghostunnel',
      command: ghostunnelBinary === undefined ? undefined : svidecar,
      config: ghostunnelConfig,
      isDone: accepts,
    },
    {
      name: 'spiffe-helper + ghostunnel',
      command: ghostunnelBinary === undefined ? undefined : helper,
      config: ghostunnelConfig,
      isDone: accepts,
    },
  ]
  return {
    present: all.flatMap(({ command, ...rest }) => (command === undefined ? [] : [{ ...rest, command }])),
    missing: all.filter(({ command }) => command === undefined).map(({ name }) => name),
  }
}

/** One start of one contender. */
export async function measureStart(
  contender: Contender,
  folder: string,
  certificates: Certificates,
): Promise<readonly Sample[]> {
  const certs = join(folder, 'certs')
  await mkdir(certs, { recursive: true })
  const place: Place = { folder, certs, listen: await freeAddress(), certificates }
  await using _agent = await StaticAgent.start(join(folder, 'agent.sock'), certificates.ca, certificates.server)
  const file = join(folder, 'helper.conf')
  const isTunnelOnly = contender.config(place).startsWith('tunnel')
  const directory = isTunnelOnly ? '' : `cert_dir = "${certs}"\n`
  await writeFile(file, `agent_address = "${join(folder, 'agent.sock')}"\n${directory}${contender.config(place)}`)
  const [program = '', ...args] = contender.command
  const started = performance.now()
  const child = spawn(program, [...args, file], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  try {
    while (!(await contender.isDone(place))) {
      if (child.exitCode !== null || performance.now() - started > patienceMs) {
        throw new Error(`${contender.name} did not do its job in ${folder}`)
      }
      await sleep(lookMs)
    }
    const startMs = performance.now() - started
    await sleep(settleMs)
    const metric = contender.isDone === filesThere ? startMetrics.files : startMetrics.tunnel
    const of = { proxy: contender.name, setting: 'median' }
    return [
      { ...of, metric, unit: 'ms', value: startMs },
      { ...of, metric: startMetrics.resident, unit: 'MiB', value: residentBytes(child.pid ?? 0) / MiB },
    ]
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}
