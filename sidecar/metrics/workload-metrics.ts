import { Counter, Gauge } from 'prom-client'
import type { Status } from '../admin/status.js'
import type { ProcessStatus } from '../processes/process-status.js'
import type { MetricDescriptor } from './metric-descriptor.js'

type OutputStatus = Status['outputs'][number]

const perOutput =
  (value: (output: OutputStatus) => number | undefined): MetricDescriptor['samples'] =>
  (status) =>
    status.outputs.flatMap((output) => {
      const sample = value(output)
      return sample === undefined ? [] : [[{ output: output.name }, sample] as const]
    })

const ofProgram =
  (value: (process: ProcessStatus) => number | undefined): MetricDescriptor['samples'] =>
  (status) => {
    const sample = status.process === undefined ? undefined : value(status.process)
    return sample === undefined ? [] : [[{}, sample]]
  }

function secondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000
}

function secondsLeft(time: string | undefined): number | undefined {
  return time === undefined ? undefined : (Date.parse(time) - Date.now()) / 1000
}

function outputMetric(
  kind: MetricDescriptor['kind'],
  name: string,
  help: string,
  value: (output: OutputStatus) => number | undefined,
): MetricDescriptor {
  return { kind, name: `svidecar_output_${name}`, help, labels: ['output'], samples: perOutput(value) }
}

function programMetric(
  kind: MetricDescriptor['kind'],
  name: string,
  help: string,
  value: (process: ProcessStatus) => number | undefined,
): MetricDescriptor {
  return { kind, name: `svidecar_program_${name}`, help, labels: [], samples: ofProgram(value) }
}

/** Files and the program beside the sidecar. */
export const workloadMetrics: readonly MetricDescriptor[] = [
  outputMetric(Gauge, 'ready', '1 when every file lies on disk, valid and current', (output) =>
    output.problems.length === 0 ? 1 : 0,
  ),
  outputMetric(Counter, 'rotations_total', 'Sets of files put in place', ({ rotations }) => rotations),
  outputMetric(Gauge, 'last_rotation_seconds', 'Time of the last set, seconds since 1970', (output) =>
    secondsOf(output.lastWrittenAt),
  ),
  outputMetric(
    Gauge,
    'seconds_to_expiry',
    'Until the first of what the files hold ends; negative afterwards',
    (output) => secondsLeft(output.validUntil),
  ),
  outputMetric(Counter, 'write_failures_total', 'Sets that could not be written', ({ writeFailures }) => writeFailures),
  outputMetric(Counter, 'hook_failures_total', 'Changes whose hooks failed for good', ({ hooksFailed }) => hooksFailed),
  outputMetric(
    Counter,
    'signals_tried_total',
    'Signals to the process of the pid file',
    ({ pidFile }) => pidFile?.signalsTried,
  ),
  outputMetric(
    Counter,
    'signals_failed_total',
    'Signals to the process of the pid file that failed',
    ({ pidFile }) => pidFile?.signalsFailed,
  ),
  programMetric(Gauge, 'running', '1 while the program of cmd runs', ({ state }) => (state === 'running' ? 1 : 0)),
  programMetric(Counter, 'restarts_total', 'Starts of the program after the first', ({ restarts }) => restarts),
  programMetric(
    Gauge,
    'last_exit_code',
    'Exit status of the program when it last ended by itself',
    ({ lastExit }) => lastExit?.code,
  ),
  programMetric(Counter, 'signals_tried_total', 'Renewal signals to the program', ({ signalsTried }) => signalsTried),
  programMetric(
    Counter,
    'signals_failed_total',
    'Renewal signals to the program that failed',
    (process) => process.signalsFailed,
  ),
]
