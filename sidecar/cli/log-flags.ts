import { createLogger, logFormats, type LogFormat, type Logger, logLevels, type LogLevel } from '../log/logger.js'
import { LineWriter, type LineSink } from '../log/line-writer.js'
import { type FlagDescriptor, type FlagValues, textFlag, UsageError } from './command.js'

export const logFlags: readonly FlagDescriptor[] = [
  { name: 'log-level', kind: 'text', placeholder: 'LEVEL', help: `${logLevels.join(', ')} (default info)` },
  {
    name: 'log-format',
    kind: 'text',
    placeholder: 'FORMAT',
    help: `${logFormats.join(' or ')} (default text on a terminal, else json)`,
  },
]

function choice<T extends string>(flags: FlagValues, name: string, choices: readonly T[], fallback: T): T {
  const given = textFlag(flags, name)
  if (given === undefined) return fallback
  const found = choices.find((candidate) => candidate === given)
  if (found === undefined) throw new UsageError(`-${name} is one of ${choices.join(', ')}, not "${given}"`)
  return found
}

export interface Log {
  readonly logger: Logger
  readonly sink: LineSink
}

/** The log of a long-running command: standard error, in the level and format its flags ask for. */
export function openLog(flags: FlagValues): Log {
  const sink = new LineWriter(process.stderr.fd)
  const level: LogLevel = choice(flags, 'log-level', logLevels, 'info')
  const format: LogFormat = choice(flags, 'log-format', logFormats, process.stderr.isTTY ? 'text' : 'json')
  return { sink, logger: createLogger(sink, { level, format }) }
}
