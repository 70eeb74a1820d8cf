import { SpiffeError } from '../../workload-api/index.js'
import { ParsecError } from '../../parsec-core/index.js'
import { AdminClientError } from '../admin/admin-client.js'
import { askForKeys } from '../keys/ask-for-keys.js'
import { formatKeyAnswer, jsonOf } from '../keys/format-keys.js'
import { KeyRequestError, parseType, type KeyAnswer, type KeyName, type KeyRequest } from '../keys/key-request.js'
import { escapeText } from '../log/escape-text.js'
import { errorText } from '../log/logger.js'
import { booleanFlag, textFlag, UsageError, type Command, type CommandContext } from './command.js'
import { configFlag, loadConfigOrExplain } from './config-flag.js'
import { type ExitCode, exitCodes } from './exit-code.js'

/** Every action and the request it makes of the command line. */
const actions: Readonly<Record<string, (context: CommandContext) => KeyRequest>> = {
  list: () => ({ action: 'list' }),
  show: (context) => ({ action: 'show', ...nameOf(context) }),
  create: (context) => ({ action: 'create', type: typeOf(context), ...nameOf(context) }),
  delete: (context) => ({ action: 'delete', ...nameOf(context) }),
  csr: (context) => ({ action: 'csr', uri: uriOf(context), ...nameOf(context) }),
  check: ({ flags }) => ({ action: 'check', removeOrphans: booleanFlag(flags, 'remove-orphans') ?? false }),
}

export const keysCommand: Command = {
  arguments: 'list | show NAME | create NAME | delete NAME | csr NAME | check',
  description: [
    '  list    every key: where it is, who owns it, and how it came to be there',
    '  show    one key, with its public half',
    '  create  make a key of your own (owner svidecar/operator) that stays until you delete it',
    '  delete  destroy a key, on its device too',
    '  csr     a certificate request (PKCS #10, PEM) for a SPIFFE ID, signed by the key',
    '  check   compare the key stores with the devices: keys a device lost, and objects on it that no key is, left by',
    '          a crash for instance. Exits with 1 when there are any.',
    '',
    'A running svidecar has its key stores locked, so it is asked over the admin socket of the file; when none runs, the',
    'providers are opened here. --remove-orphans destroys what no key store knows: on a token that another svidecar uses',
    'with a key store of its own, those are its keys.',
  ].join('\n'),
  flags: [
    configFlag,
    {
      name: 'provider',
      kind: 'text',
      placeholder: 'NAME',
      help: 'the key_provider block; needed when a name alone fits several',
    },
    {
      name: 'identity',
      kind: 'text',
      placeholder: 'OWNER',
      help: 'the owner of the key; needed when a name alone fits several',
    },
    {
      name: 'type',
      kind: 'text',
      placeholder: 'TYPE',
      help: 'create: ec-p256 (default), ec-p384, ec-p521, rsa-2048, rsa-3072, rsa-4096',
    },
    { name: 'spiffe-id', kind: 'text', placeholder: 'ID', help: 'csr: the SPIFFE ID to ask for' },
    { name: 'remove-orphans', kind: 'boolean', help: 'check: destroy the objects that no key is' },
    { name: 'json', kind: 'boolean', help: 'as JSON, for programs' },
  ],
  positionals: { min: 1, max: 2 },
  async run(context) {
    const request = requestOf(context)
    const config = await loadConfigOrExplain(context)
    if (config === undefined) return exitCodes.fault
    try {
      const answer = await askForKeys(config, request)
      const asJson = booleanFlag(context.flags, 'json') === true
      context.stdout.write(`${asJson ? JSON.stringify(jsonOf(answer), undefined, 2) : formatKeyAnswer(answer)}\n`)
      return exitCodeOf(answer)
    } catch (error) {
      if (!isExpected(error)) throw error
      context.stderr.write(`svidecar: ${escapeText(errorText(error))}\n`)
      return exitCodes.fault
    }
  },
}

function requestOf(context: CommandContext): KeyRequest {
  const [name = '', ...rest] = context.positionals
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (action === undefined) throw new UsageError(`there is no "keys ${name}", only ${Object.keys(actions).join(', ')}`)
  const request = action(context)
  if (!('name' in request) && rest.length > 0) throw new UsageError(`"keys ${name}" takes no name`)
  return request
}

function nameOf({ positionals: [action, name], flags }: CommandContext): KeyName {
  if (name === undefined) throw new UsageError(`"keys ${action}" needs the NAME of a key`)
  const [provider, identity] = [textFlag(flags, 'provider'), textFlag(flags, 'identity')]
  return { name, ...(provider !== undefined && { provider }), ...(identity !== undefined && { identity }) }
}

function typeOf({ flags }: CommandContext) {
  try {
    return parseType(textFlag(flags, 'type') ?? 'ec-p256')
  } catch (error) {
    throw new UsageError(errorText(error))
  }
}

function uriOf({ flags }: CommandContext): string {
  const uri = textFlag(flags, 'spiffe-id')
  if (uri === undefined) throw new UsageError('"keys csr" needs --spiffe-id')
  return uri
}

function exitCodeOf(answer: KeyAnswer): ExitCode {
  if (answer.action !== 'check') return exitCodes.success
  const isWell = answer.missing.length === 0 && answer.orphans.every(({ removed }) => removed)
  return isWell ? exitCodes.success : exitCodes.fault
}

function isExpected(error: unknown): boolean {
  return [ParsecError, SpiffeError, KeyRequestError, AdminClientError].some((kind) => error instanceof kind)
}
