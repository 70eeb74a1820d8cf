import { parseDuration } from '../config/duration.js'
import { type FlagDescriptor, type FlagValues, UsageError } from './command.js'

export interface ParsedArguments {
  readonly flags: FlagValues
  readonly positionals: readonly string[]
}

const booleans: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false }

function parseValue(flag: FlagDescriptor, text: string): string | boolean | number {
  switch (flag.kind) {
    case 'text':
      return text
    case 'boolean': {
      const value = booleans[text]
      if (value === undefined) throw new UsageError(`-${flag.name} takes true or false, not "${text}"`)
      return value
    }
    case 'duration': {
      const milliseconds = parseDuration(text)
      if (milliseconds === undefined)
        throw new UsageError(`-${flag.name} takes a duration such as 30s or 1m30s, not "${text}"`)
      return milliseconds
    }
  }
}

/** A Go flag: one or two dashes, the value after `=` or as the next argument; a boolean's value only after `=`. */
export function parseArguments(args: readonly string[], known: readonly FlagDescriptor[]): ParsedArguments {
  const flags = new Map<string, string | boolean | number>()
  const positionals: string[] = []
  const rest = [...args]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--') {
      positionals.push(...rest)
      break
    }
    const match = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(argument)
    if (match === null) {
      positionals.push(argument)
      continue
    }
    const [, name = '', inline] = match
    const flag = known.find((descriptor) => descriptor.name === name)
    if (flag === undefined) throw new UsageError(`unknown flag -${name}`)
    const text = inline ?? (flag.kind === 'boolean' ? 'true' : rest.shift())
    if (text === undefined) throw new UsageError(`-${name} needs a value`)
    flags.set(name, parseValue(flag, text))
  }
  return { flags, positionals }
}
