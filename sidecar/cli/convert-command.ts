import { type Config, ConfigError, formatFaults, loadConfig } from '../config/index.js'
import { convert, ConversionError } from '../convert/convert.js'
import type { Command } from './command.js'
import { exitCodes } from './exit-code.js'

const defaultPath = 'helper.conf'

export const convertCommand: Command = {
  arguments: '[FILE…]',
  description: [
    'Reads files of spiffe-helper (default helper.conf) and prints one file of svidecar: the same files for the same',
    'program, or, where cmd is ghostunnel, the tunnel that needs neither files nor signals. What has no counterpart is a',
    'comment at the top, and the exit status 1.',
  ].join('\n'),
  flags: [],
  positionals: { min: 0, max: Infinity },
  async run({ positionals, stdout, stderr }) {
    // Without the environment: what the machine of the conversion has in it is not of the file.
    const paths = positionals.length === 0 ? [defaultPath] : positionals
    try {
      const configs: Config[] = []
      for (const path of paths) configs.push(await loadConfig(path, { env: {} }))
      const { text, isComplete } = convert(configs)
      stdout.write(text)
      return isComplete ? exitCodes.success : exitCodes.fault
    } catch (error) {
      if (error instanceof ConfigError) stderr.write(`${formatFaults(error.path, error.faults).join('\n')}\n`)
      else if (error instanceof ConversionError) stderr.write(`${error.message}\n`)
      else throw error
      return exitCodes.fault
    }
  },
}
