import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { formatDescription } from '../inspect/format-description.js'
import { inspectFile } from '../inspect/inspect-file.js'
import { InspectError } from '../inspect/inspect-error.js'
import { tokenOf } from '../inspect/describe-token.js'
import { inspectSocket } from '../inspect/inspect-socket.js'
import type { Description } from '../inspect/describe-chain.js'
import { errorText } from '../log/logger.js'
import { SpiffeError } from '../../workload-api/index.js'
import { escapeText } from '../log/escape-text.js'
import { type Command, textFlag, UsageError } from './command.js'
import { exitCodes } from './exit-code.js'

const endpointForm = /^(?:unix|tcp):/

/** The address of a Workload API, or undefined for a file. */
async function endpointOf(target: string): Promise<string | undefined> {
  if (endpointForm.test(target)) return target
  const found = await stat(target).catch(() => undefined)
  return found?.isSocket() === true ? resolve(target) : undefined
}

async function describe(target: string, bundle: string | undefined): Promise<readonly Description[]> {
  const now = new Date()
  const endpoint = await endpointOf(target)
  return endpoint === undefined ? inspectFile(target, bundle, now) : inspectSocket(endpoint, now)
}

/** A token begins with the base64 of `{"`, which no file's name does. */
function isToken(target: string): boolean {
  return target.startsWith('eyJ') && tokenOf(target) !== undefined
}

export const inspectCommand: Command = {
  arguments: 'FILE|-|SOCKET',
  description: [
    'FILE, or - for the standard input, is an X.509-SVID in PEM or DER, a JWT-SVID, or a bundle in PEM, DER or the trust',
    'bundle format (JSON). SOCKET is a Workload API: a path, unix:PATH or tcp://IP:PORT. Private keys and signatures of',
    'tokens are never shown. Exits with 1 when something is wrong.',
  ].join('\n'),
  flags: [
    {
      name: 'bundle',
      kind: 'text',
      placeholder: 'FILE',
      help: 'the authorities to verify an SVID in FILE against: PEM, DER or JSON; for a token JSON',
    },
  ],
  positionals: { min: 1, max: 1 },
  async run(context) {
    const [target] = context.positionals
    if (target === undefined) throw new UsageError('missing FILE|-|SOCKET')
    if (isToken(target))
      throw new UsageError('arguments are seen by every process: put the token in a file, or give - and pipe it in')
    try {
      const descriptions = await describe(target, textFlag(context.flags, 'bundle'))
      context.stdout.write(`${descriptions.map(formatDescription).join('\n\n')}\n`)
      return descriptions.some(({ faults }) => faults.length > 0) ? exitCodes.fault : exitCodes.success
    } catch (error) {
      if (!(error instanceof InspectError || error instanceof SpiffeError)) throw error
      context.stderr.write(`svidecar: ${escapeText(errorText(error))}\n`)
      return exitCodes.fault
    }
  },
}
