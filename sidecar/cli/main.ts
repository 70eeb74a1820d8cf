import { version } from '../../native/index.js'
import { type Command, type CommandEntry, isUsageError, UsageError } from './command.js'
import { exitCodes } from './exit-code.js'
import { commandHelp, programHelp } from './help.js'
import { parseArguments } from './parse-arguments.js'

/** The process as the command line sees it. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

const helpFlags = new Set(['-h', '-help', '--help'])
const versionFlags = new Set(['-version', '--version'])

/** spiffe-helper has no commands: a line that starts with a flag is `run`, so that one binary replaces the other. */
function chooseCommand(
  args: readonly string[],
  commands: readonly CommandEntry[],
): [CommandEntry | undefined, readonly string[]] {
  const [first = '', ...rest] = args
  if (first.startsWith('-')) return [commands.find((command) => command.name === 'run'), args]
  return [commands.find((command) => command.name === first), rest]
}

/** Behind `--` it is a word for a program of the command line. */
function isHelpAsked(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end === -1 ? undefined : end).some((argument) => helpFlags.has(argument))
}

async function runCommand(command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  const { flags, positionals } = parseArguments(args, command.flags)
  const extra = positionals[command.positionals.max]
  if (extra !== undefined) {
    const advice = ['true', 'false'].includes(extra) ? `; a boolean takes its value after "=": -flag=${extra}` : ''
    throw new UsageError(`unexpected argument "${extra}"${advice}`)
  }
  if (positionals.length < command.positionals.min) throw new UsageError(`missing ${command.arguments ?? 'argument'}`)
  return command.run({ ...terminal, flags, positionals })
}

/** Runs one command line and gives its exit status. Never throws for what a user typed. */
export async function main(
  args: readonly string[],
  commands: readonly CommandEntry[],
  terminal: Terminal,
): Promise<number> {
  const [first] = args
  if (first === undefined || first === 'help' || helpFlags.has(first)) {
    const asked = first !== undefined
    const output = asked ? terminal.stdout : terminal.stderr
    output.write(`${programHelp(commands)}\n`)
    return asked ? exitCodes.success : exitCodes.usage
  }
  if (versionFlags.has(first)) {
    terminal.stdout.write(`svidecar ${version}\n`)
    return exitCodes.success
  }
  const [entry, rest] = chooseCommand(args, commands)
  try {
    if (entry === undefined) throw new UsageError(`unknown command "${first}"`)
    const command = await entry.load()
    if (isHelpAsked(rest)) {
      terminal.stdout.write(`${commandHelp(entry, command)}\n`)
      return exitCodes.success
    }
    return await runCommand(command, rest, terminal)
  } catch (error) {
    if (!isUsageError(error)) throw error
    const more = entry === undefined ? 'svidecar --help' : `svidecar ${entry.name} --help`
    terminal.stderr.write(`svidecar: ${error.message}\nsee: ${more}\n`)
    return exitCodes.usage
  }
}
