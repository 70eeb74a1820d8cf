import { ConfigError, formatFaults, loadConfig, type Config } from '../config/index.js'
import { type CommandContext, type FlagDescriptor, textFlag } from './command.js'

export const configFlag: FlagDescriptor = {
  name: 'config',
  kind: 'text',
  placeholder: 'FILE',
  help: 'the configuration (default helper.conf)',
}

export function configPath(context: CommandContext): string {
  return textFlag(context.flags, 'config') ?? 'helper.conf'
}

/** The configuration, or undefined after its faults were printed, one line each. */
export function loadConfigOrExplain(context: CommandContext): Promise<Config | undefined> {
  return explainFaults(context, () => loadConfig(configPath(context), { env: context.env }))
}

/** What `load` gives, or undefined after the faults it threw were printed, one line each. */
export async function explainFaults(context: CommandContext, load: () => Promise<Config>): Promise<Config | undefined> {
  try {
    return await load()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    context.stderr.write(`${formatFaults(error.path, error.faults).join('\n')}\n`)
    return undefined
  }
}
