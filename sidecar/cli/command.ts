/** One flag of a command, as help shows it and the parser reads it (Go's forms: `-name v`, `-name=v`, `--name v`). */
export interface FlagDescriptor {
  readonly name: string
  readonly kind: 'text' | 'boolean' | 'duration'
  /** What help shows for the value: `FILE`, `DURATION`. */
  readonly placeholder?: string
  readonly help: string
}

/** What was given: text as it was, durations in milliseconds. */
export type FlagValues = ReadonlyMap<string, string | boolean | number>

/** The process around a command, so that a command is a function of its inputs. */
export interface CommandContext {
  readonly flags: FlagValues
  readonly positionals: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

/** A command as the list knows it; the command itself is loaded when it is called. */
export interface CommandEntry {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  readonly load: () => Promise<Command>
}

export interface Command {
  /** Positional arguments as usage shows them. */
  readonly arguments?: string
  /** Paragraphs of help below the usage line. */
  readonly description?: string
  readonly flags: readonly FlagDescriptor[]
  readonly positionals: { readonly min: number; readonly max: number }
  /** The exit status: one of `exitCodes`, or that of a program it ran. */
  run(context: CommandContext): Promise<number>
}

/** The command line is wrong; the text says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** By its name: the commands are bundled apart from the entry, so there are two classes of this name. */
export function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && error.name === 'UsageError'
}

export function textFlag(flags: FlagValues, name: string): string | undefined {
  const value = flags.get(name)
  return typeof value === 'string' ? value : undefined
}

export function booleanFlag(flags: FlagValues, name: string): boolean | undefined {
  const value = flags.get(name)
  return typeof value === 'boolean' ? value : undefined
}

export function durationFlag(flags: FlagValues, name: string): number | undefined {
  const value = flags.get(name)
  return typeof value === 'number' ? value : undefined
}
