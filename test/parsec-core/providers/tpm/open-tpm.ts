import type { Availability, Provider } from '../../../../parsec-core/index.js'
import { openProvider } from '../../../../parsec-core/index.js'

/** A provider over a TPM; settings as in the block, durations in milliseconds. */
export async function openTpm(settings: Readonly<Record<string, unknown>>) {
  const provider = await openProvider({ name: 'tpm', type: 'Tpm', settings })
  return Object.assign(provider, { [Symbol.asyncDispose]: () => provider.close() })
}

/** Resolves when the provider is in that state; at once when it is already. */
export function untilState(provider: Provider, state: Availability['state']): Promise<void> {
  return new Promise((resolve) => {
    if (provider.availability.state === state) return resolve()
    const stop = provider.onAvailability((now) => {
      if (now.state !== state) return
      stop()
      resolve()
    })
  })
}

export const key = { applicationIdentity: 'test', keyName: 'one' }
export const message = Buffer.from('a message')
