import { openProvider, type Provider } from '../../parsec-core/index.js'
import { AdminClientError, askAdmin } from '../admin/admin-client.js'
import { adminPaths, type AdminRefusal } from '../admin/admin-protocol.js'
import type { Config } from '../config/index.js'
import { answerKeyRequest } from './answer-key-request.js'
import { KeyRequestError, type KeyAnswer, type KeyRequest } from './key-request.js'

/**
 * Asks the process that runs with the configuration, whose key stores are locked and whose volatile keys nobody else
 * knows; when none answers, opens the providers for this one request. Throws `KeyRequestError`, `ParsecError`, and
 * `AdminClientError` for a process that is there and does not answer.
 */
export async function askForKeys(config: Config, request: KeyRequest): Promise<KeyAnswer> {
  if (config.admin !== undefined) {
    try {
      return await askRunning(config.admin.listen.path, request)
    } catch (error) {
      if (!(error instanceof AdminClientError) || !error.nobodyThere) throw error
    }
  }
  return askProviders(config, request)
}

async function askRunning(socketPath: string, request: KeyRequest): Promise<KeyAnswer> {
  const { httpStatus, body } = await askAdmin(socketPath, 'POST', adminPaths.keys, request)
  if (httpStatus !== 200) throw new KeyRequestError((body as AdminRefusal).error)
  return body as KeyAnswer
}

async function askProviders({ keyProviders, path }: Config, request: KeyRequest): Promise<KeyAnswer> {
  if (keyProviders.length === 0) {
    throw new KeyRequestError(
      `"${path}" has no key_provider block, so there are no keys but those of a running svidecar`,
    )
  }
  const providers: Provider[] = []
  try {
    for (const config of keyProviders) providers.push(await openProvider(config))
    return await answerKeyRequest(providers, request, { running: false })
  } finally {
    await Promise.all(providers.map((provider) => provider.close()))
  }
}
