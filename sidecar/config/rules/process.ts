import { basename, join } from 'node:path'
import { splitArguments } from '../../processes/split-arguments.js'
import type { Position } from '../faults.js'
import type { ProcessConfig } from '../output-model.js'
import type { Field, Fields, Reading } from '../schema/spec.js'
import type { topLevelKeys } from '../tables/index.js'
import { firstVersionNames, type HelperFile } from './helper-output.js'
import { given } from './outputs.js'

type Top = Fields<typeof topLevelKeys>

/** The program the file runs; undefined for none, in one-shot mode, and after a fault. */
export function processOf(file: HelperFile, reading: Reading): ProcessConfig | undefined {
  const { top, spelled, daemonMode } = file
  const command = commandOf(file, reading)
  warnOfOneShot(command !== undefined, given(spelled.renewSignal.value) !== undefined, file, reading)
  if (!file.forProgram) checkAlone(top, command, reading)
  if (command === undefined || !daemonMode) return undefined
  warnOfGhostunnel(command.words[0], command.at, reading)
  return { command: command.words, restart: top.cmd_restart.value, ...programOf(file) }
}

/** What holds for any program, that of the file or of the command line. */
export function programOf({ top, spelled }: HelperFile): Omit<ProcessConfig, 'command' | 'restart'> {
  return {
    renewSignal: given(spelled.renewSignal.value) ?? (top.ghostunnelCmd.given ? 'SIGUSR1' : undefined),
    stopTimeoutMs: top.stop_timeout.value,
  }
}

interface WrittenCommand {
  readonly words: readonly string[]
  readonly at: Position
}

function commandOf({ top, spelled }: HelperFile, reading: Reading): WrittenCommand | undefined {
  const { cmd, ghostunnelCmd, ghostunnelArgs } = top
  if (ghostunnelCmd.given) {
    if (cmd.given) reading.faults.add(ghostunnelCmd.at, 'use of cmd and ghostunnelCmd found, use only cmd')
    reading.warnings.add(ghostunnelCmd.at, 'ghostunnelCmd will be deprecated, should be used as cmd')
    const program = given(ghostunnelCmd.value)
    return program === undefined
      ? undefined
      : firstVersionCommand(program, ghostunnelArgs, spelled.certDir.value, reading)
  }
  if (typeof cmd.value === 'object') {
    if (given(spelled.cmdArgs.value) !== undefined) {
      reading.faults.add(spelled.cmdArgs.at, '"cmd_args" is for a "cmd" in quotes; a list has its arguments in it')
    }
    return { words: cmd.value, at: cmd.at }
  }
  const program = given(cmd.value)
  const args = argumentsOf(spelled.cmdArgs, reading)
  return program === undefined ? undefined : { words: [program, ...args], at: cmd.at }
}

/** spiffe-helper 0.1 ended the arguments with the files it wrote. */
function firstVersionCommand(
  program: string,
  written: Field<string | undefined>,
  directory: string | undefined,
  reading: Reading,
): WrittenCommand {
  const file = (name: string) => join(given(directory) ?? '.', name)
  const files = ['--keystore', file(firstVersionNames.keystore), '--cacert', file(firstVersionNames.bundle)]
  return { words: [program, ...argumentsOf(written, reading), ...files], at: written.at }
}

function argumentsOf(field: Field<string | undefined>, { faults }: Reading): readonly string[] {
  const split = splitArguments(field.value ?? '')
  if ('arguments' in split) return split.arguments
  faults.add(field.at, `"cmd_args": parse error on line 1, column ${split.column}: ${split.fault}`)
  return []
}

/** With the words of spiffe-helper. */
function warnOfOneShot(hasCommand: boolean, hasSignal: boolean, file: HelperFile, { warnings }: Reading): void {
  if (file.daemonMode) return
  const say = (key: string, at: Position) =>
    warnings.add(at, `${key} is set but daemon_mode is false. ${key} will be ignored`)
  if (hasCommand) say('cmd', file.top.cmd.at)
  if (hasSignal) say('renew_signal', file.spelled.renewSignal.at)
}

/** Keys of a program that is not there would do nothing. */
function checkAlone(top: Top, command: WrittenCommand | undefined, { faults }: Reading): void {
  if (command !== undefined) return
  for (const key of ['cmd_restart', 'stop_timeout'] as const) {
    if (top[key].given) faults.add(top[key].at, `"${key}" is for "cmd", which is not given`)
  }
}

function warnOfGhostunnel(program: string | undefined, at: Position, { warnings }: Reading): void {
  if (program === undefined || basename(program) !== 'ghostunnel') return
  warnings.add(
    at,
    'this ghostunnel reads its key from a file and is told of a new one by a signal; `svidecar convert` prints the tunnel ' +
      'that replaces it, without either',
  )
}
