import { type AdminAnswer, AdminClientError, askAdmin } from '../admin/admin-client.js'
import { type CommandContext, type FlagDescriptor, textFlag, UsageError } from './command.js'
import { configFlag, loadConfigOrExplain } from './config-flag.js'
import { type ExitCode, exitCodes } from './exit-code.js'

export const adminFlags: readonly FlagDescriptor[] = [
  { ...configFlag, help: 'the file whose admin block names the socket (default helper.conf)' },
  {
    name: 'admin',
    kind: 'text',
    placeholder: 'ADDRESS',
    help: 'the admin socket itself, unix:PATH, instead of a file',
  },
]

async function adminSocket(context: CommandContext): Promise<string | undefined> {
  const address = textFlag(context.flags, 'admin')
  if (address !== undefined) {
    const path = address.replace(/^unix:(?:\/\/)?/, '')
    if (path === '') throw new UsageError('-admin takes unix:PATH')
    return path
  }
  const config = await loadConfigOrExplain(context)
  if (config === undefined) return undefined
  if (config.admin === undefined)
    throw new UsageError(`${config.path} has no admin block: add one, or give -admin unix:PATH`)
  return config.admin.listen.path
}

/** Asks the running process and shows its answer; a process that cannot be asked is a fault with a plain sentence. */
export async function withAdminAnswer(
  context: CommandContext,
  question: { readonly method: 'GET' | 'POST'; readonly path: string },
  show: (answer: AdminAnswer) => ExitCode,
): Promise<ExitCode> {
  const socket = await adminSocket(context)
  if (socket === undefined) return exitCodes.fault
  try {
    return show(await askAdmin(socket, question.method, question.path))
  } catch (error) {
    if (!(error instanceof AdminClientError)) throw error
    context.stderr.write(`svidecar: ${error.message}\n`)
    return exitCodes.fault
  }
}
