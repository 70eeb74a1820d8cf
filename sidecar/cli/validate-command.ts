import { validateConfig } from '../config/index.js'
import type { Command } from './command.js'
import { configFlag, configPath, explainFaults } from './config-flag.js'
import { exitCodes } from './exit-code.js'

export const validateCommand: Command = {
  description: 'Prints every fault as file:line:column: message and exits with 1, or says that the file is valid.',
  flags: [configFlag],
  positionals: { min: 0, max: 0 },
  async run(context) {
    const config = await explainFaults(context, () => validateConfig(configPath(context), { env: context.env }))
    if (config === undefined) return exitCodes.fault
    for (const { line, column, message } of config.warnings) {
      context.stderr.write(`${config.path}:${line}:${column}: warning: ${message}\n`)
    }
    const parts = [
      `${config.identities.length} identities`,
      `${config.tunnels.length} tunnels`,
      `${config.authorities.length} authorities`,
    ]
    context.stdout.write(`${config.path}: valid: ${parts.join(', ')}\n`)
    return exitCodes.success
  },
}
