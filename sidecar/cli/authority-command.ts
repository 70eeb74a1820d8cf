import { ConfigError, parseConfig, type Config } from '../config/index.js'
import { run } from '../supervisor/run.js'
import { type Command, type CommandContext, type FlagDescriptor, textFlag } from './command.js'
import { exitCodes } from './exit-code.js'
import { logFlags, openLog } from './log-flags.js'

/** A key of the `authority` block and of this command, under the same name. */
function authorityKey(name: string, placeholder: string, help: string): FlagDescriptor {
  return { name, kind: 'text', placeholder, help }
}

const authorityKeys: readonly FlagDescriptor[] = [
  authorityKey('listen', 'unix:PATH', 'the socket that serves the Workload API and signs certificate requests'),
  authorityKey('trust_domain', 'NAME', 'the trust domain, such as lab.test'),
  authorityKey('registration_file', 'FILE', 'which uid gets which SPIFFE IDs (default: only its own uid is served)'),
  authorityKey('svid_ttl', 'DURATION', 'how long an SVID lives (default 1h)'),
  authorityKey('ca_ttl', 'DURATION', 'how long a signing certificate lives (default 24h)'),
  authorityKey('data_dir', 'DIR', 'keeps the authority over restarts (default: in memory)'),
  authorityKey('key_type', 'TYPE', 'ec-p256, ec-p384, rsa-2048 … (default ec-p256)'),
]

/** The flags are read as the block they stand for, so that one set of rules judges both. */
function configOfFlags(context: CommandContext): Config {
  const block = Object.fromEntries(
    authorityKeys.map(({ name }) => [name, textFlag(context.flags, name)]).filter(([, value]) => value !== undefined),
  )
  const text = JSON.stringify({ authority: { authority: block } })
  return parseConfig(text, { path: 'command line', env: context.env })
}

export const authorityCommand: Command = {
  description: 'Its flags are the keys of an authority block. SIGHUP reads the registration file again.',
  flags: [...authorityKeys, ...logFlags],
  positionals: { min: 0, max: 0 },
  async run(context) {
    const { logger, sink } = openLog(context.flags)
    let config: Config
    try {
      config = configOfFlags(context)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      context.stderr.write(`${error.faults.map(({ message }) => `svidecar authority: ${message}`).join('\n')}\n`)
      return exitCodes.fault
    }
    const status = await run(config, {
      loadConfig: async () => config,
      log: logger,
      lostLogLines: () => sink.lostLines,
      waitMs: undefined,
    })
    await sink.flush()
    return status
  },
}
