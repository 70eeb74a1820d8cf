import { formatDuration } from './format-quantity.js'
import { formatTable } from './format-table.js'
import type { Status } from './status.js'

const outputHeadings = ['OUTPUT', 'IDENTITY', 'DIRECTORY', 'FILES', 'ROTATIONS', 'LAST', 'VALID', 'FAILURES']
const programHeadings = ['PROGRAM', 'STATE', 'PID', 'RESTARTS', 'LAST EXIT', 'SIGNALS', 'FAILED']

function outputRow(output: Status['outputs'][number], now: number): readonly string[] {
  const { lastWrittenAt, validUntil } = output
  const left = validUntil === undefined ? undefined : Date.parse(validUntil) - now
  return [
    output.name,
    output.identity,
    `${output.directory}${output.layout === 'atomic' ? ' (atomic)' : ''}`,
    output.files.join(' ') || '-',
    String(output.rotations),
    lastWrittenAt === undefined ? '-' : `${formatDuration(now - Date.parse(lastWrittenAt))} ago`,
    left === undefined ? '-' : left > 0 ? `${formatDuration(left)} left` : `expired ${formatDuration(-left)} ago`,
    String(output.writeFailures + output.hooksFailed + (output.pidFile?.signalsFailed ?? 0)),
  ]
}

function programRow(program: NonNullable<Status['process']>): readonly string[] {
  const { lastExit } = program
  return [
    program.program,
    program.state,
    String(program.pid ?? '-'),
    String(program.restarts),
    lastExit === undefined ? '-' : (lastExit.signal ?? String(lastExit.code ?? 'not started')),
    String(program.signalsTried),
    String(program.signalsFailed),
  ]
}

/** What is done for the program beside the sidecar, as blocks of text. */
export function workloadBlocks({ outputs, process, workloadApi }: Status, now: number): readonly string[] {
  const rows = outputs.map((output) => outputRow(output, now))
  return [
    ...(rows.length === 0 ? [] : [formatTable(outputHeadings, rows)]),
    ...(process === undefined ? [] : [formatTable(programHeadings, [programRow(process)])]),
    ...(workloadApi === undefined ? [] : [workloadApiBlock(workloadApi)]),
  ]
}

function workloadApiBlock({ listen, offered, notOffered }: NonNullable<Status['workloadApi']>): string {
  const refused = notOffered.map(({ identity, reason }) => `  not offered: ${identity}, ${reason}`)
  return [`WORKLOAD API  ${listen}  offers ${offered.join(', ') || 'nothing'}`, ...refused].join('\n')
}
