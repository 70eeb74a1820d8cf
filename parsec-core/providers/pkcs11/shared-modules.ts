import { withStatus } from '../../errors.js'
import { ResponseStatus } from '../../response-status.js'
import { minStartMs, ModuleHost } from './module-host.js'
import { probeModule } from './module-probe.js'

interface SharedModule {
  readonly host: Promise<ModuleHost>
  users: number
  closing: Promise<void> | undefined
}

/** By real path: Cryptoki may be initialised once in a process, whatever names a module goes by. */
const modules = new Map<string, SharedModule>()

/** One user's share of a module. */
export interface ModuleShare {
  readonly host: ModuleHost
  /** Nobody else would notice that the module is initialised anew. */
  readonly alone: boolean
  /** The last one to go finalises the module. Idempotent, never throws. */
  release(): Promise<void>
}

/**
 * The host of a module, one for all its users. A module that is not in use is tried in a child process first. Throws
 * `ParsecError`.
 */
export async function shareModule(module: string, timeoutMs: number): Promise<ModuleShare> {
  const path = await probeModule(module, Math.max(timeoutMs, minStartMs))
  while (modules.get(path)?.closing) await modules.get(path)?.closing
  const shared = modules.get(path) ?? startShared(path, timeoutMs)
  shared.users += 1
  let released: Promise<void> | undefined
  const release = () => (released ??= releaseShared(path, shared))
  const failure = `the PKCS#11 module "${module}" does not start`
  try {
    const host = await withStatus(ResponseStatus.PsaErrorCommunicationFailure, failure, () => shared.host)
    host.allow(timeoutMs)
    return {
      host,
      get alone() {
        return shared.users === 1
      },
      release,
    }
  } catch (error) {
    await release()
    throw error
  }
}

function startShared(path: string, timeoutMs: number): SharedModule {
  const shared: SharedModule = { host: ModuleHost.start(path, timeoutMs), users: 0, closing: undefined }
  modules.set(path, shared)
  return shared
}

async function releaseShared(path: string, shared: SharedModule): Promise<void> {
  shared.users -= 1
  if (shared.users > 0) return
  shared.closing = closeShared(path, shared)
  await shared.closing
}

async function closeShared(path: string, shared: SharedModule): Promise<void> {
  const host = await shared.host.catch(() => undefined)
  await host?.close()
  shared.closing = undefined
  if (host?.lost === undefined || host.ended) modules.delete(path)
  // A thread that is stuck in the module stays its thread: a second one would find the module locked.
  else finalizeOnReturn(path, shared, host)
}

function finalizeOnReturn(path: string, shared: SharedModule, host: ModuleHost): void {
  const unlisten = host.listen({
    onLost: () => undefined,
    onReturned: () => {
      unlisten()
      if (shared.users === 0) shared.closing = closeShared(path, shared)
    },
  })
}
