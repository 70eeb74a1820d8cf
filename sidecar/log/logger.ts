import { escapedJson, escapeText } from './escape-text.js'
import type { LineSink } from './line-writer.js'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export const logFormats = ['json', 'text'] as const
export type LogFormat = (typeof logFormats)[number]

/** Values beside a message. Never a secret, a PIN or key bytes. */
export type LogFields = Readonly<Record<string, unknown>>

type LogLine = (message: string, fields?: LogFields) => void

/** Structured log lines: a message in plain words, the variable parts as fields. */
export interface Logger {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
  /** The same logger with `fields` on every line. */
  readonly with: (fields: LogFields) => Logger
}

type Formatter = (time: Date, level: LogLevel, message: string, fields: LogFields) => string

function formatJson(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  return escapedJson({ time: time.toISOString(), level, message, ...fields })
}

const bareValue = /^[\w./:@*+-]+$/

function formatValue(value: unknown): string {
  if (typeof value === 'string') return bareValue.test(value) ? value : escapedJson(value)
  return escapedJson(value)
}

function formatText(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  const clock = time.toISOString().slice(11, 23)
  const values = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${formatValue(value)}`)
  return escapeText([clock, level.padEnd(5), message, ...values].join(' '))
}

const formatters: Readonly<Record<LogFormat, Formatter>> = { json: formatJson, text: formatText }

/** A logger that writes lines of `level` and above to `sink`. */
export function createLogger(sink: LineSink, options: { level: LogLevel; format: LogFormat }): Logger {
  const lowest = logLevels.indexOf(options.level)
  const format = formatters[options.format]
  const bind = (bound: LogFields): Logger => {
    const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
      if (logLevels.indexOf(level) < lowest) return
      sink.writeLine(format(new Date(), level, message, { ...bound, ...fields }))
    }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      with: (fields) => bind({ ...bound, ...fields }),
    }
  }
  return bind({})
}

const causeDepth = 5

/** An error and its causes as one text, for a log field: what happened, then why. */
export function errorText(error: unknown): string {
  const parts: string[] = []
  for (let current = error, depth = 0; current !== undefined && depth < causeDepth; depth += 1) {
    const text = current instanceof Error ? current.message : JSON.stringify(current)
    if (!parts.some((part) => part.includes(text))) parts.push(text)
    current = current instanceof Error ? current.cause : undefined
  }
  return parts.join(': ')
}
