import type { ReadyOptions, Source } from './source.js'

/** A source once it is ready; one that is not in time is closed, since nobody else has it. */
export async function whenReady<Made extends Source<unknown>>(source: Made, options: ReadyOptions): Promise<Made> {
  try {
    await source.ready(options)
    return source
  } catch (error) {
    await source.close()
    throw error
  }
}
