import { ParsecError } from '../../errors.js'
import type { RefusedSecrets } from '../../refused-secret.js'
import { ResponseStatus } from '../../response-status.js'
import { describeSecretSource, readSecret, type SecretSource } from '../../secret-source.js'
import { ckf } from './cryptoki.js'
import type { ModuleHost } from './module-host.js'
import type { TokenDescription } from './protocol.js'
import { isRefusedPin } from './status.js'

/** Where the user PIN comes from, and where the refused ones are remembered. */
export interface PinSettings {
  readonly source: SecretSource
  readonly refused: RefusedSecrets
}

/**
 * Logs in, with a PIN the token has not refused before and only while more than one try is left: a supervisor that
 * restarts a process with a wrong PIN must not lock the token. Throws `ParsecError` (`PsaErrorNotPermitted`), or what
 * the call throws.
 */
export async function loginToToken(host: ModuleHost, token: number, info: TokenDescription, pin: PinSettings) {
  if ((info.flags & ckf.loginRequired) === 0) return
  requireTries(info)
  const secret = await readSecret(pin.source)
  try {
    await requireUntried(info, secret, pin)
    await host.call('login', { token, pin: pinText(secret, pin.source) })
    await pin.refused.forget(deviceOf(info))
  } catch (error) {
    if (isRefusedPin(error)) await pin.refused.remember(deviceOf(info), secret)
    throw error
  } finally {
    secret.fill(0)
  }
}

function requireTries({ flags, serial }: TokenDescription): void {
  const token = `the token with the serial ${JSON.stringify(serial)}`
  if ((flags & ckf.userPinLocked) !== 0) {
    throw notPermitted(`the user PIN of ${token} is locked: its security officer must unlock it`)
  }
  if ((flags & ckf.userPinFinalTry) !== 0) {
    const how = 'log in once with "pkcs11-tool --login --list-objects", which gives it its tries back'
    throw notPermitted(`${token} has one try left before its user PIN is locked: ${how}`)
  }
  if ((flags & ckf.userPinInitialized) === 0) {
    throw new ParsecError(ResponseStatus.PsaErrorBadState, `${token} has no user PIN yet: set one`)
  }
}

async function requireUntried(info: TokenDescription, secret: Uint8Array, { source, refused }: PinSettings) {
  const time = await refused.refusedAt(deviceOf(info), secret)
  if (time === undefined) return
  const token = `the token with the serial ${JSON.stringify(info.serial)}`
  throw notPermitted(
    `${token} refused the PIN of ${describeSecretSource(source)} at ${time.toISOString()}, and it is not tried again: ` +
      `put the right one there; if it is the right one by now, remove "${refused.path}"`,
  )
}

function pinText(secret: Uint8Array, source: SecretSource): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(secret)
  } catch (error) {
    const message = `the PIN of ${describeSecretSource(source)} is not UTF-8`
    throw new ParsecError(ResponseStatus.PsaErrorInvalidArgument, message, { cause: error })
  }
}

function deviceOf({ serial }: TokenDescription): string {
  return `pkcs11:serial=${serial}`
}

function notPermitted(message: string): ParsecError {
  return new ParsecError(ResponseStatus.PsaErrorNotPermitted, message)
}
