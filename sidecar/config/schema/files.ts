import { quoted } from '../faults.js'
import { parseSignalName, signalNames } from '../../processes/signal-name.js'
import { objectOf, readKeys } from './read-block.js'
import { parseInteger, textType, wrongKind } from './scalars.js'
import type { Fields, KeyTable, ValueType } from './spec.js'
import { suggestion } from './suggest.js'

/** The temporary name beside it is longer, and no file system takes more than 255 bytes. */
const maxNameBytes = 200

/** The name of a file in the directory of its output, never a path out of it. Empty is not given, as in spiffe-helper. */
export const fileName: ValueType<string> = textType('file name', 'the name of a file', (value) => {
  if (value.includes('/')) return { fault: 'is a name in the directory of the output and takes no "/"' }
  // The names an atomic layout keeps for itself begin with two dots, too.
  if (value === '.' || value.startsWith('..')) return { fault: 'may not be "." nor begin with ".."' }
  if (/\p{Cc}/u.test(value)) return { fault: 'has a control character in it' }
  return Buffer.byteLength(value) <= maxNameBytes ? { value } : { fault: `is longer than ${maxNameBytes} bytes` }
})

/** Empty is not given, as in spiffe-helper, which finds a wrong name at the first renewal only. */
export const signalName: ValueType<NodeJS.Signals | ''> = textType('signal', 'a signal such as "SIGHUP"', (value) => {
  if (value === '') return { value }
  const name = parseSignalName(value)
  return name === undefined
    ? { fault: `needs a signal such as "SIGHUP", not ${quoted(value)}${suggestion(value, signalNames())}` }
    : { value: name }
})

const ownerReads = 0o400

/**
 * A mode as spiffe-helper reads its integers: 0 is the default, and `444` is decimal, which nobody means; a warning says
 * what it is.
 */
export const helperFileMode: ValueType<number> = {
  name: 'file mode',
  read(value, key, reading) {
    const mode = anyIntegerMode.read(value, key, reading)
    if (mode !== undefined && mode > 0 && 'text' in value && /^[1-9]\d*$/.test(value.text)) {
      reading.warnings.add(
        value.at,
        `${quoted(key)} is decimal without a leading zero: ${value.text} is ${octal(mode)}`,
      )
    }
    return mode
  },
}

const anyIntegerMode: ValueType<number> = textType('file mode', 'an octal file mode such as 0600', (written) => {
  const value = parseInteger(written)
  if (value === undefined) return { fault: 'needs an octal file mode such as 0600' }
  if (value < 0) return { fault: 'must be positive' }
  if (value > 0o777) return { fault: `is ${octal(value)}: a file mode is at most 0777` }
  return value === 0 || (value & ownerReads) !== 0 ? { value } : { fault: mustRead }
})

/** The same with the rules of our own blocks: octal with a leading zero. */
export const outputFileMode: ValueType<number> = textType('file mode', 'an octal file mode such as 0600', (written) => {
  const value = /^0[oO]?[0-7]{1,4}$/.test(written) ? parseInteger(written) : undefined
  if (value === undefined || value === 0 || value > 0o777) {
    return { fault: 'needs an octal file mode with a leading zero, from 0400 to 0777, such as 0600' }
  }
  return (value & ownerReads) !== 0 ? { value } : { fault: mustRead }
})

const mustRead = 'does not let the owner read the file: it could not be looked at again'

function octal(value: number): string {
  return value.toString(8).padStart(4, '0')
}

/** A list of arguments, the first of them the program. */
export const commandList: ValueType<readonly string[]> = {
  name: 'list of string',
  read(value, key, reading) {
    if (value.kind !== 'list') return wrongKind(value, key, 'a list: the program and its arguments', reading)
    const words = value.items.map((item) => argument.read(item, key, reading))
    if (words.includes(undefined)) return undefined
    const command = words.filter((word) => word !== undefined)
    if (command[0] !== undefined && command[0] !== '') return command
    reading.faults.add(value.at, `${quoted(key)} names no program`)
    return undefined
  },
}

/** An argument may be empty and have line breaks in it; only what ends it for the kernel may not be there. */
const argument: ValueType<string> = textType('string', 'a string', (value) =>
  value.includes('\0') ? { fault: 'has a NUL in it' } : { value },
)

/** A command line, or a program with its arguments as a list. */
export const command: ValueType<string | readonly string[]> = {
  name: 'string or list',
  read: (value, key, reading) =>
    value.kind === 'list' ? commandList.read(value, key, reading) : argument.read(value, key, reading),
}

export const commandLine: ValueType<string> = argument

/** `[{ … }, { … }]`: blocks in the order they are written. */
export function listOfBlocks<T extends KeyTable>(table: T): ValueType<readonly Fields<T>[]> {
  return {
    name: 'list of blocks',
    read(value, key, reading) {
      if (value.kind !== 'list') return wrongKind(value, key, 'a list of blocks: [{ … }, { … }]', reading)
      return value.items.flatMap((item, index) => {
        const body = objectOf(item)
        if (body === undefined) wrongKind(item, key, 'a block', reading)
        const site = (at: NonNullable<typeof body>) => ({
          name: `${quoted(key)}[${index}]`,
          at: at.at,
          broken: at.broken,
          reading,
        })
        return body === undefined ? [] : [readKeys(table, body.items, site(body))]
      })
    },
  }
}
