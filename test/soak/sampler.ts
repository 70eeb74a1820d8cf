import { readdirSync, readFileSync } from 'node:fs'

/** One process at one moment. */
export interface Sample {
  /** Since the beginning of the soak. */
  readonly second: number
  readonly residentMiB: number
  readonly descriptors: number
}

/** A process under observation and what was read of it. */
export interface Observed {
  readonly name: string
  readonly pid: number
  readonly samples: Sample[]
}

const KiBPerMiB = 1024

function readSample(pid: number, second: number): Sample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
    return { second, residentMiB: kibibytes / KiBPerMiB, descriptors: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return undefined // it ended, which is told elsewhere
  }
}

/** Reads every process once. */
export function observe(processes: readonly Observed[], second: number): void {
  for (const { pid, samples } of processes) {
    const sample = readSample(pid, second)
    if (sample !== undefined) samples.push(sample)
  }
}
