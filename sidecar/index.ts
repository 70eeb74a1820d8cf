/**
 * The sidecar as a library: read a configuration, run it. What the command line does, for a program that embeds it.
 */
export { ConfigError, type ConfigErrorCode, type Fault, formatFaults, loadConfig, parseConfig } from './config/index.js'
export type { Config } from './config/index.js'
export { createLogger, type Logger, type LogFormat, type LogLevel } from './log/logger.js'
export { LineWriter, type LineSink } from './log/line-writer.js'
export { run, type RunOptions } from './supervisor/run.js'
export { exitCodes, type ExitCode } from './cli/exit-code.js'
