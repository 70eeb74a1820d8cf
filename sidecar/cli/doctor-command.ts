import { SpiffeError } from '../../workload-api/index.js'
import type { Config, IdentityConfig } from '../config/index.js'
import { hasFailed, type Examination } from '../doctor/examination.js'
import { examineAuthority } from '../doctor/examine-authority.js'
import { examineSpireServer } from '../doctor/examine-spire-server.js'
import { examineWorkloadApi } from '../doctor/examine-workload-api.js'
import { formatEntryCommand, formatExamination, formatSelectors } from '../doctor/format-doctor.js'
import { ownSelectors } from '../doctor/selectors.js'
import { escapeText } from '../log/escape-text.js'
import { errorText } from '../log/logger.js'
import type { Command } from './command.js'
import { configFlag, loadConfigOrExplain } from './config-flag.js'
import { exitCodes } from './exit-code.js'

function examine(identity: IdentityConfig, { authorities }: Config): Promise<Examination> {
  if (identity.source === 'workload-api') return examineWorkloadApi(identity)
  if (identity.source === 'spire-server') return examineSpireServer(identity)
  const isOfThisFile = authorities.some(({ listen }) => identity.authorityAddress.endsWith(listen.path))
  return examineAuthority(identity, { isOfThisFile })
}

export const doctorCommand: Command = {
  description: [
    'For each identity of the file: is the socket there, does somebody listen, is the request accepted, are there',
    'entries for this process, do the SVIDs lead to the bundles, is the one that is chosen among them. What fails is',
    'told with what to check. Then the selectors that SPIRE finds of this process, and the command that makes an entry',
    "of them. Run it as svidecar's own user, where svidecar runs: in its container, under its service.",
    '',
    'Changes nothing and opens no key provider. Exits with 1 when an identity cannot be had.',
  ].join('\n'),
  flags: [configFlag],
  positionals: { min: 0, max: 0 },
  async run(context) {
    const config = await loadConfigOrExplain(context)
    if (config === undefined) return exitCodes.fault
    try {
      const examinations = await Promise.all(config.identities.map((identity) => examine(identity, config)))
      const selectors = await ownSelectors()
      const ofAgents = config.identities.filter(({ source }) => source === 'workload-api')
      const paragraphs = [
        ...examinations.map(formatExamination),
        ...(ofAgents.length === 0 ? [] : [formatSelectors(selectors)]),
        ...ofAgents.map((identity) => formatEntryCommand(identity, selectors)),
      ]
      context.stdout.write(`${paragraphs.join('\n\n')}\n`)
      return examinations.some(hasFailed) ? exitCodes.fault : exitCodes.success
    } catch (error) {
      if (!(error instanceof SpiffeError)) throw error
      context.stderr.write(`svidecar: ${escapeText(errorText(error))}\n`)
      return exitCodes.fault
    }
  },
}
