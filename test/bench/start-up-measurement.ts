import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { repositoryRoot } from '../repository-root.js'
import { type Certificates, makeCertificates } from './certificates.js'
import { RunningProxy } from './child-process.js'
import { freeAddress } from './free-address.js'
import type { Reading } from './measurements.js'
import { threadsMs, residentBytes } from './process-tree.js'
import { configuration } from './proxies/svidecar.js'
import { StaticAgent } from './static-agent.js'
import type { Sample } from './table.js'

const MiB = 1024 ** 2

/** What the targets ask of a start. */
export const startUpMetrics = {
  listening: 'run: start to listening',
  answered: 'run: answer to listening',
  resident: 'run: resident 2 s later',
} as const

/** A program's column. */
export const startUpColumn = (program: string): string => relative(repositoryRoot, program)

/** Enough for a start's garbage to be collected and its threads to fall asleep. */
const settleMs = 2_000

/** Makes a program that ends by itself say what it has used, on its descriptor 3. */
const accountant = `process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  require('node:fs').writeSync(3, JSON.stringify({ cpuUs: userCPUTime + systemCPUTime, residentKiB: maxRSS }))
})
`

interface Bench {
  readonly folder: string
  readonly certificates: Certificates
  readonly accountant: string
}

interface Used {
  readonly cpuUs: number
  readonly residentKiB: number
}

/** Runs `node ARGS` to its end. */
async function runToEnd(title: string, args: readonly string[], bench: Bench): Promise<readonly Reading[]> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--require', bench.accountant, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  const told = child.stdio[3]
  if (!(told instanceof Readable)) throw new TypeError('descriptor 3 is a pipe')
  const [account, [status]] = await Promise.all([text(told), once(child, 'exit')])
  if (status !== 0) throw new Error(`"node ${args.join(' ')}" ended with ${status}`)
  const { cpuUs, residentKiB }: Used = JSON.parse(account)
  return [
    { metric: `${title}: time`, unit: 'ms', value: performance.now() - started },
    { metric: `${title}: CPU`, unit: 'ms', value: cpuUs / 1000 },
    { metric: `${title}: largest resident`, unit: 'MiB', value: residentKiB / 1024 },
  ]
}

/** `run` with one tunnel and an agent that answers at once, and `health` asked of it. */
async function measureProgram(program: string, bench: Bench): Promise<readonly Reading[]> {
  const { certificates } = bench
  const folder = await mkdtemp(join(bench.folder, 'run-'))
  const path = join(folder, 'svidecar.conf')
  const listen = await freeAddress()
  const allowed = certificates.client.spiffeId
  const role = { mode: 'server', listen, target: '127.0.0.1:9', certificates, allowed, folder } as const
  await writeFile(path, configuration(role, ''))
  await using agent = await StaticAgent.start(join(folder, 'agent.sock'), certificates.ca, certificates.server)
  const command = { command: process.execPath, args: [program, 'run', '-config', path, '--log-format', 'json'] }
  await using running = await RunningProxy.start(command, listen, join(folder, 'log'))
  const sinceAnswer = performance.now() - (agent.answeredAt ?? Number.NaN)
  const { pid, startMs } = running
  const cpuAtStart = threadsMs(pid)
  const residentAtStart = residentBytes(pid) / MiB
  await sleep(settleMs)
  return [
    { metric: startUpMetrics.listening, unit: 'ms', value: startMs },
    { metric: startUpMetrics.answered, unit: 'ms', value: sinceAnswer },
    { metric: 'run: CPU until listening', unit: 'ms', value: cpuAtStart },
    { metric: `run: CPU until ${settleMs / 1000} s later`, unit: 'ms', value: threadsMs(pid) },
    { metric: 'run: resident when listening', unit: 'MiB', value: residentAtStart },
    { metric: startUpMetrics.resident, unit: 'MiB', value: residentBytes(pid) / MiB },
    ...(await runToEnd('health', [program, 'health', '-config', path], bench)),
  ]
}

async function measureRounds(programs: readonly string[], rounds: number, bench: Bench): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  const add = (proxy: string, readings: readonly Reading[]) =>
    samples.push(...readings.map((reading) => ({ ...reading, proxy, setting: `median of ${rounds} rounds` })))
  for (let round = 1; round <= rounds; round += 1) {
    console.error(`round ${round} of ${rounds}`)
    for (const program of round % 2 === 1 ? programs : programs.toReversed()) {
      add(startUpColumn(program), await measureProgram(program, bench))
      add('node', await runToEnd('health', ['--eval', '0'], bench))
    }
  }
  return samples
}

/** Start and memory of each program, with Node's own beside them, in alternation. */
export async function measureStartUp(programs: readonly string[], rounds: number): Promise<readonly Sample[]> {
  const folder = await mkdtemp(join(tmpdir(), 'svidecar-start-up-'))
  try {
    const bench = { folder, certificates: await makeCertificates(folder), accountant: join(folder, 'accountant.cjs') }
    await writeFile(bench.accountant, accountant)
    return await measureRounds(programs, rounds, bench)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
