import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { ParsecError } from '../../errors.js'
import { ResponseStatus } from '../../response-status.js'
import { nameOfReturnValue } from './cryptoki.js'
import { pkcs11jsAddon, probeProgram } from './module-programs.js'

/** What the child process says of a module; without a fault it can be used. */
export interface ProbeResult {
  readonly fault?: 'load' | 'initialize'
  readonly detail?: string
  readonly returnValue?: number | undefined
}

const shownBytes = 300

/**
 * The module's real path, after a child process has loaded and initialised it: a module that crashes takes the process
 * with it, and one that hangs cannot be stopped. Throws `ParsecError` that says which it is: missing, not a PKCS#11
 * module, crashing, hanging, or refusing to start; `PsaErrorNotSupported` when pkcs11js is not built.
 */
export async function probeModule(module: string, timeoutMs: number): Promise<string> {
  if (!existsSync(pkcs11jsAddon())) {
    const message = `pkcs11js is not built: "${pkcs11jsAddon()}" is missing; build it with "npm run build"`
    throw new ParsecError(ResponseStatus.PsaErrorNotSupported, message)
  }
  const path = await realpath(module).catch((error: unknown) => {
    throw unusable(module, 'the file is not there, or may not be read', error)
  })
  const outcome = await runProbe(path, timeoutMs)
  if (outcome.kind === 'hung') throw unusable(module, `it did not answer within ${timeoutMs} ms of being loaded`)
  if (outcome.kind === 'ended') throw unusable(module, `it ends the process that loads it (${outcome.how})`)
  const { fault, detail = '', returnValue } = outcome.result
  if (fault === undefined) return path
  if (fault === 'load') throw unusable(module, `it is no PKCS#11 module that can be loaded here: ${shown(detail)}`)
  const said = returnValue === undefined ? shown(detail) : nameOfReturnValue(returnValue)
  throw unusable(module, `it does not start: ${said}`)
}

type ProbeOutcome =
  | { readonly kind: 'answered'; readonly result: ProbeResult }
  | { readonly kind: 'ended'; readonly how: string }
  | { readonly kind: 'hung' }

async function runProbe(path: string, timeoutMs: number): Promise<ProbeOutcome> {
  // What a module prints is no part of this process' output.
  const child = fork(probeProgram(), [path], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const answered = once(child, 'message').then(([result]): ProbeOutcome => ({
    kind: 'answered',
    result: result as ProbeResult,
  }))
  const ended = once(child, 'exit').then(([code, signal]): ProbeOutcome => ({
    kind: 'ended',
    how: String(signal ?? `exit code ${code}`),
  }))
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<ProbeOutcome>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'hung' }), timeoutMs)
  })
  try {
    return await Promise.race([answered, ended, hung])
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
    // Which of them did not win may still fail, and nobody waits for it: not even a process in a hung driver call.
    for (const loser of [answered, ended]) loser.catch(() => undefined)
  }
}

function shown(detail: string): string {
  return JSON.stringify(detail.slice(0, shownBytes))
}

function unusable(module: string, reason: string, cause?: unknown): ParsecError {
  const message = `the PKCS#11 module "${module}" cannot be used: ${reason}`
  return new ParsecError(ResponseStatus.PsaErrorCommunicationFailure, message, { cause })
}
