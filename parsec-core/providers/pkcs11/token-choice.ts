import { ParsecError } from '../../errors.js'
import { ResponseStatus } from '../../response-status.js'
import { ckf } from './cryptoki.js'
import type { TokenDescription } from './protocol.js'

/** Which token of a module: by one of these, or both. */
export interface TokenName {
  readonly label?: string
  readonly serial?: string
}

/** The one token of that name. Throws `ParsecError`: none (`PsaErrorDoesNotExist`), several (`PsaErrorInvalidArgument`). */
export function chooseToken(tokens: readonly TokenDescription[], name: TokenName): TokenDescription {
  const initialized = tokens.filter(({ flags }) => (flags & ckf.tokenInitialized) !== 0)
  const [token, ...others] = initialized.filter(
    ({ label, serial }) =>
      (name.label === undefined || name.label === label) && (name.serial === undefined || name.serial === serial),
  )
  if (token === undefined) {
    const present = initialized.map(({ label, serial }) => `${quoted(label)} (serial ${quoted(serial)})`)
    const found = present.length === 0 ? 'there is none' : `there are ${present.join(', ')}`
    throw new ParsecError(ResponseStatus.PsaErrorDoesNotExist, `no token ${describeToken(name)}: ${found}`)
  }
  if (others.length === 0) return token
  const serials = [token, ...others].map(({ serial }) => quoted(serial)).join(', ')
  const message = `several tokens ${describeToken(name)}: choose one by "token_serial", one of ${serials}`
  throw new ParsecError(ResponseStatus.PsaErrorInvalidArgument, message)
}

export function describeToken({ label, serial }: TokenName): string {
  const parts = [
    ...(label === undefined ? [] : [`with the label ${quoted(label)}`]),
    ...(serial === undefined ? [] : [`with the serial ${quoted(serial)}`]),
  ]
  return parts.join(' and ')
}

/** What a token says of itself ends up in messages: escaped. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
