import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { AuthorityRunner } from './authority-runner.js'
import { EchoBackend, FlappingBackend } from './backends.js'
import { checkedStream, successiveStreams } from './checked-stream.js'
import { ChildProgram, type ChildLine } from './child-program.js'
import { churn } from './churn.js'
import {
  freePorts,
  soakId,
  soakPaths,
  type SoakPaths,
  type SoakPorts,
  writeAuthorityFiles,
  writeClientFile,
  writeServerFile,
} from './configuration.js'
import { Ledger } from './ledger.js'
import { reloadAllTheTime } from './reloads.js'
import { type Observed, observe } from './sampler.js'
import type { SlowSignerOptions } from './slow-signer.js'

const sidecar = fileURLToPath(new URL('../../bin/main.js', import.meta.url))
const slowSigner = fileURLToPath(new URL('slow-signer.js', import.meta.url))
/**
 * For the soak's own program: V8 lets the young generation grow to 32 MiB over some ten thousand connections, and a leak
 * of the data plane would not be seen beside that. The sidecars run as shipped.
 */
const smallYoungGeneration = '--max-semi-space-size=1'
const readyWithinMs = 30_000
const sampleEveryMs = 1_000
const streamBytesPerSecond = 384 << 10
const streamLifeMs = 30_000

/** What a soak came to. */
export interface SoakResult {
  readonly ledger: Ledger
  readonly processes: readonly Observed[]
  readonly restarts: readonly number[]
  readonly rotations: number
}

/** The three programs that carry traffic, and what their logs say. */
class Cast implements AsyncDisposable {
  rotations = 0
  #listening = 0
  readonly programs: readonly ChildProgram[]

  constructor(
    paths: SoakPaths,
    ports: SoakPorts,
    private readonly ledger: Ledger,
  ) {
    const signer: SlowSignerOptions = {
      listenPort: ports.signer,
      targetPort: ports.backend,
      authoritySocket: paths.authoritySocket,
      id: soakId('signer'),
      peer: soakId('client'),
      delayMs: [50, 250],
    }
    this.programs = [
      this.#start('server', [sidecar, ...runArguments(paths.serverFile)]),
      this.#start('client', [sidecar, ...runArguments(paths.clientFile)]),
      this.#start('slow signer', [smallYoungGeneration, slowSigner, JSON.stringify(signer)]),
    ]
  }

  /** Resolves when so many tunnels were opened in all. */
  async listening(count: number): Promise<void> {
    const deadline = Date.now() + readyWithinMs
    while (this.#listening < count) {
      if (Date.now() > deadline) {
        const told = this.ledger.failures.map(({ what }) => what).join('\n')
        throw new Error(`only ${this.#listening} of ${count} tunnels listen\n${told}`)
      }
      await sleep(20)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.programs.map((program) => program.stop()))
  }

  #start(name: string, args: readonly string[]): ChildProgram {
    return new ChildProgram(name, args, {
      onLine: (line) => this.#read(name, line),
      onEnd: (how) => this.ledger.fail('processes', `${name}: ${how}`),
    })
  }

  #read(name: string, line: ChildLine): void {
    const { level, message } = line
    if (message === 'SVID rotated') this.rotations += 1
    if (message === 'tunnel listening') this.#listening += 1
    if (level === 'error' || (message === 'connection' && !isExpectedEnd(line))) {
      const { reason, error, tunnel, outcome, peer } = line
      const details = Object.entries({ tunnel, outcome, reason, error, peer }).filter(
        ([, value]) => value !== undefined,
      )
      const text = details.map(([key, value]) => `${key}=${String(value)}`).join(' ')
      this.ledger.fail('processes', `${name}: ${message ?? ''} ${text}`)
    }
  }
}

/** Beside the flapping backend's tunnel and the guest, who hangs up as he likes, every connection ends in order. */
function isExpectedEnd({ outcome, tunnel, peer }: ChildLine): boolean {
  if (outcome === 'panicked') return false
  return outcome === 'completed' || tunnel === 'flapping' || peer === soakId('guest')
}

function runArguments(file: string): readonly string[] {
  return ['run', '--config', file, '--log-format', 'json']
}

async function choosePorts(backend: number): Promise<SoakPorts> {
  const ports = await freePorts(6)
  const [main = 0, flapping = 0, passing = 0, signer = 0, mainDoor = 0, signerDoor = 0] = ports
  return { backend, main, flapping, passing, signer, mainDoor, signerDoor }
}

/** Everything at once until the signal fires; resolves when all that was begun has ended. */
async function load(
  paths: SoakPaths,
  ports: SoakPorts,
  flapping: FlappingBackend,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  const main = { host: '127.0.0.1', port: ports.mainDoor }
  const signer = { host: '127.0.0.1', port: ports.signerDoor }
  const rate = { bytesPerSecond: streamBytesPerSecond, ledger, end: signal } as const
  await Promise.all([
    churn({ lane: 'churn', addresses: [main], perSecond: 40, ledger, signal }),
    churn({ lane: 'slow signer', addresses: [signer], perSecond: 8, ledger, signal }),
    churn({
      lane: 'flapping backend',
      addresses: [{ path: paths.flappingDoor }],
      perSecond: 8,
      ledger,
      signal,
      expectation: flapping.expectation,
    }),
    checkedStream({ ...rate, lane: 'streams', address: main }),
    checkedStream({ ...rate, lane: 'streams', address: signer }),
    successiveStreams({ ...rate, lane: 'streams', address: main }, streamLifeMs),
    successiveStreams({ ...rate, lane: 'streams', address: signer }, streamLifeMs),
    reloadAllTheTime({ paths, ports, ledger, signal }),
  ])
}

async function watchOver(
  processes: readonly Observed[],
  ledger: Ledger,
  signal: AbortSignal,
  onMinute: () => void,
): Promise<void> {
  let minutes = 0
  while (!signal.aborted) {
    observe(processes, ledger.seconds)
    if (Math.floor(ledger.seconds / 60) > minutes) {
      minutes += 1
      onMinute()
    }
    await sleep(sampleEveryMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Runs the whole cast under load for `minutes`, on loopback and in one temporary folder. */
export async function soak(minutes: number, onMinute: (result: SoakResult) => void): Promise<SoakResult> {
  const ledger = new Ledger()
  const folder = await mkdtemp(join(tmpdir(), 'svidecar-soak-'))
  const paths = soakPaths(folder)
  try {
    await using backend = await EchoBackend.start()
    const ports = await choosePorts(backend.port)
    const flapping = new FlappingBackend(paths.flappingBackend)
    const first = { turn: randomInt(7), guestAllowed: false, passing: false }
    await writeAuthorityFiles(paths)
    await writeServerFile(paths, ports, first)
    await writeClientFile(paths, ports, first)
    await using authority = new AuthorityRunner([sidecar, ...runArguments(paths.authorityFile)], ledger)
    await using cast = new Cast(paths, ports, ledger)
    await cast.listening(6)
    const processes = cast.programs.map(({ name, pid }) => ({ name, pid, samples: [] }))
    const result = () => ({ ledger, processes, restarts: authority.restarts, rotations: cast.rotations })
    ledger.begin()
    const over = AbortSignal.timeout(minutes * 60_000)
    await Promise.all([
      flapping.flap(over),
      authority.restartNowAndThen(over),
      watchOver(processes, ledger, over, () => onMinute(result())),
      load(paths, ports, flapping, ledger, over),
    ])
    return result()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
