import { ParsecError } from '../../errors.js'
import type { RefusedSecrets } from '../../refused-secret.js'
import { ResponseStatus } from '../../response-status.js'
import { describeSecretSource, readSecret, type SecretSource } from '../../secret-source.js'

/**
 * The owner hierarchy's authorization: read anew each time the TPM is opened. One the TPM refused is not tried again
 * until it changes, not even by a later process: wrong authorizations can lock a TPM for everybody.
 */
export interface OwnerAuthorization {
  /** The caller wipes it. Throws `ParsecError` when it cannot be read, and `PsaErrorNotPermitted` when it was refused. */
  read(): Promise<Uint8Array>
  refused(secret: Uint8Array): Promise<void>
  accepted(): Promise<void>
}

/** The owner hierarchy of a TPM nobody has given one. */
export const noOwnerAuthorization: OwnerAuthorization = {
  read: async () => new Uint8Array(),
  refused: async () => undefined,
  accepted: async () => undefined,
}

/** `tcti` names the TPM in the memory of refused secrets. */
export function ownerAuthorizationFrom(source: SecretSource, tcti: string, memory: RefusedSecrets): OwnerAuthorization {
  return {
    read: async () => {
      const secret = await readSecret(source)
      const since = await memory.refusedAt(tcti, secret)
      if (since === undefined) return secret
      secret.fill(0)
      const message =
        `the TPM refused the owner authorization in ${describeSecretSource(source)} at ${since.toISOString()}; it is ` +
        `not tried again until it changes (remove "${memory.path}" when it is right by now)`
      throw new ParsecError(ResponseStatus.PsaErrorNotPermitted, message)
    },
    refused: (secret) => memory.remember(tcti, secret),
    accepted: () => memory.forget(tcti),
  }
}
