import { openProvider } from '../../../parsec-core/index.js'
import { errorText } from '../../log/logger.js'
import { startSoftHsm } from './softhsm.js'
import { startSwtpm } from './swtpm.js'

/** What the demo's sidecars keep their keys in. */
export type DemoProvider = 'tpm' | 'pkcs11' | 'software'

/** A device in software that was set up in the demo's own folder. */
export interface DemoDevice {
  /** For people: what it is made of. */
  readonly description: string
  /** What the sidecars' keys must be said to be. */
  readonly residency: string
  /** The keys of the `key_provider` block of one of the two sidecars. */
  settingsOf(side: DemoSide): DemoSettings
  close(): Promise<void>
}

export type DemoSide = 'server' | 'client'
export type DemoSettings = Readonly<Record<string, string>> & { readonly type: string }

/** A device the machine may have. Throws, with what is missing, when it does not. */
export type DemoDeviceStarter = (folder: string) => Promise<DemoDevice>

export interface DemoKeys {
  readonly device: DemoDevice
  /** Why this one: what was asked for, or what a better one lacks. */
  readonly reason: string
}

const software: DemoDevice = {
  description: 'Software: in the memory of each sidecar',
  residency: 'software',
  settingsOf: () => ({ type: 'Software' }),
  close: async () => undefined,
}

/** The best first. */
const starters: readonly (readonly [DemoProvider, DemoDeviceStarter])[] = [
  ['tpm', startSwtpm],
  ['pkcs11', startSoftHsm],
  ['software', async () => software],
]

export const demoProviders: readonly DemoProvider[] = starters.map(([name]) => name)

/** The provider asked for, or the best the machine has. Throws when it does not have the one that was asked for. */
export async function startDemoKeys(folder: string, asked: DemoProvider | undefined): Promise<DemoKeys> {
  const lacking: string[] = []
  for (const [name, start] of starters) {
    if (asked !== undefined && asked !== name) continue
    try {
      const device = await startTried(folder, start)
      return { device, reason: asked === undefined ? reasonOf(lacking) : `asked for by --provider ${asked}` }
    } catch (error) {
      if (asked !== undefined)
        throw new Error(`--provider ${asked} cannot be had here: ${errorText(error)}`, { cause: error })
      lacking.push(`no ${name}: ${errorText(error)}`)
    }
  }
  throw new TypeError('software can always be had')
}

/** A device that starts is not yet one that can be used: a library or the addon may be missing. */
async function startTried(folder: string, start: DemoDeviceStarter): Promise<DemoDevice> {
  const device = await start(folder)
  try {
    const { type, ...settings } = device.settingsOf('server')
    await (await openProvider({ name: 'demo', type, settings })).close()
    return device
  } catch (error) {
    await device.close()
    throw error
  }
}

function reasonOf(lacking: readonly string[]): string {
  return lacking.length === 0 ? 'the best this machine has' : `the best this machine has (${lacking.join('; ')})`
}
