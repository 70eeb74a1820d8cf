import type { Command, CommandEntry, FlagDescriptor } from './command.js'

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

function flagRow(flag: FlagDescriptor): readonly [string, string] {
  return [flag.placeholder === undefined ? `--${flag.name}` : `--${flag.name} ${flag.placeholder}`, flag.help]
}

/** The help of the whole program. */
export function programHelp(commands: readonly CommandEntry[]): string {
  return [
    "svidecar holds a workload's SPIFFE identity and puts rotating mutual TLS around its traffic.",
    '',
    'usage: svidecar COMMAND [flags]',
    '       svidecar [-config helper.conf] [-daemon-mode=false]      the same as `svidecar run`',
    '',
    'commands:',
    columns(commands.map((command) => [command.name, command.summary] as const)),
    '',
    '  --version  print the version',
    '  --help     print this, or the help of a command: svidecar COMMAND --help',
    '',
    'exit status: 0 success, 1 a fault in the configuration or at start, 2 usage, 3 no identity within --wait',
  ].join('\n')
}

/** The help of one command. */
export function commandHelp({ name, summary }: CommandEntry, command: Command): string {
  const usage = ['usage: svidecar', name, command.arguments, command.flags.length > 0 ? '[flags]' : undefined]
  return [
    `${summary}.`,
    '',
    usage.filter((part) => part !== undefined).join(' '),
    ...(command.description === undefined ? [] : ['', command.description]),
    ...(command.flags.length === 0 ? [] : ['', 'flags:', columns(command.flags.map(flagRow))]),
  ].join('\n')
}
