import { parseArgs } from 'node:util'
import type { Scale } from './measurements.js'

const GiB = 1024 ** 3
const MiB = 1024 ** 2

export type Mode = 'server' | 'client'
export type Plaintext = 'tcp' | 'unix'

export interface BenchOptions {
  readonly rounds: number
  readonly callers: readonly number[]
  readonly modes: readonly Mode[]
  readonly plaintext: readonly Plaintext[]
  /** Names to run; undefined: all. */
  readonly proxies: readonly string[] | undefined
  readonly measurements: readonly string[] | undefined
  readonly scale: Scale
  /** In how many of the rounds memory is measured. */
  readonly memoryRounds: number
  /** Start-up and scale too, as the targets want it. */
  readonly everything: boolean
  /** Where the results go, without an ending: `.txt` and `.json` are added. */
  readonly output: string
}

export const usage = `usage: npm run bench -- [--quick | --compare | --full] [--rounds N] [--callers 1,8,64] [--modes server,client]
  [--plaintext tcp,unix] [--proxies NAME,…] [--measurements handshakes,upload,download,roundtrips,strangers,idle]
  [--memory-rounds N]   memory is measured in the first round alone unless told otherwise
  [--output PATH]   results go to PATH.txt and PATH.json, dist/bench/results when not given
A proxy is one of svidecar, ghostunnel, haproxy, nginx, svidecar X25519MLKEM768, svidecar JS signer, or
svidecar=DIST: the build in another folder.
--compare: short turns of handshakes, bulk and round trips, for two builds.  --quick: does it run at all; the numbers mean little.  --full: every combination, start-up and scale, and a verdict on each target; takes an hour and a half.`

interface Preset {
  readonly rounds: number
  readonly callers: readonly number[]
  readonly plaintext: readonly Plaintext[]
  readonly measurements?: readonly string[]
  readonly scale: Scale
  readonly everything?: true
}

const standardScale: Scale = {
  handshakes: 4_000,
  bulkBytes: 2 * GiB,
  roundtrips: 20_000,
  strangers: 12_000,
  idleStages: [1_000, 5_000],
  idleBytes: MiB,
  idleSeconds: 5,
}

const presets: Readonly<Record<'quick' | 'compare' | 'standard' | 'full', Preset>> = {
  quick: {
    rounds: 1,
    callers: [8],
    plaintext: ['tcp'],
    scale: {
      handshakes: 200,
      bulkBytes: 64 * MiB,
      roundtrips: 1_000,
      strangers: 500,
      idleStages: [20, 120],
      idleBytes: MiB / 16,
      idleSeconds: 0.5,
    },
  },
  compare: {
    rounds: 5,
    callers: [8],
    plaintext: ['tcp'],
    measurements: ['handshakes', 'upload', 'download', 'roundtrips'],
    scale: { ...standardScale, handshakes: 2_000, bulkBytes: GiB, roundtrips: 40_000 },
  },
  standard: { rounds: 3, callers: [8], plaintext: ['tcp'], scale: standardScale },
  full: {
    rounds: 5,
    callers: [8, 1, 64],
    plaintext: ['tcp', 'unix'],
    scale: { ...standardScale, roundtrips: 40_000, idleStages: [1_000, 9_000], idleSeconds: 30 },
    everything: true,
  },
}

const list = (text: string | undefined): readonly string[] | undefined => text?.split(',')

function choose<T extends string>(
  text: string | undefined,
  known: readonly T[],
  otherwise: readonly T[],
): readonly T[] {
  if (text === undefined) return otherwise
  return text.split(',').map((word) => {
    const found = known.find((name) => name === word)
    if (found === undefined) throw new TypeError(`"${word}" is not one of ${known.join(', ')}`)
    return found
  })
}

function positive(text: string, name: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} takes whole numbers from 1, not "${text}"`)
  return value
}

/** Throws TypeError for what it cannot use. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const names = {
    'memory-rounds': text,
    rounds: text,
    callers: text,
    modes: text,
    plaintext: text,
    proxies: text,
    measurements: text,
  }
  const { values } = parseArgs({
    args: [...args],
    options: { ...names, output: text, quick: flag, compare: flag, full: flag },
  })
  const preset = presets[values.quick ? 'quick' : values.compare ? 'compare' : values.full ? 'full' : 'standard']
  return {
    rounds: values.rounds === undefined ? preset.rounds : positive(values.rounds, 'rounds'),
    callers: list(values.callers)?.map((word) => positive(word, 'callers')) ?? preset.callers,
    modes: choose(values.modes, ['server', 'client'], ['server', 'client']),
    plaintext: choose(values.plaintext, ['tcp', 'unix'], preset.plaintext),
    proxies: list(values.proxies),
    measurements: list(values.measurements) ?? preset.measurements,
    scale: preset.scale,
    memoryRounds: positive(values['memory-rounds'] ?? '1', 'memory-rounds'),
    everything: preset.everything === true && values.measurements === undefined && values.proxies === undefined,
    output: values.output ?? 'dist/bench/results',
  }
}
