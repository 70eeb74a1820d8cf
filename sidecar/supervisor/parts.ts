import { isDeepStrictEqual } from 'node:util'
import type { Undo } from './undo.js'

/** Something that runs and can be ended. */
export interface Closeable {
  close(): Promise<void>
}

/** A part of the running process together with the configuration it was made from. */
interface Part<Config, Value> {
  readonly config: Config
  readonly value: Value
}

/** The running parts of one kind, by the name their configuration gives them. */
export type Parts<Config, Value> = ReadonlyMap<string, Part<Config, Value>>

/**
 * The parts a new configuration wants: those whose configuration is unchanged as they are, the others made by `create`
 * and noted in `undo`. Nothing that runs is touched.
 */
export async function nextParts<Config, Value extends Closeable>(
  wanted: ReadonlyMap<string, Config>,
  running: Parts<Config, Value>,
  create: (config: Config) => Promise<Value>,
  undo: Undo,
): Promise<Parts<Config, Value>> {
  const next = new Map<string, Part<Config, Value>>()
  for (const [name, config] of wanted) {
    const old = running.get(name)
    if (old !== undefined && isDeepStrictEqual(old.config, config)) {
      next.set(name, old)
      continue
    }
    const value = await create(config)
    undo.add(() => value.close())
    next.set(name, { config, value })
  }
  return next
}

/** Those of `running` that `next` no longer has. */
export function retiredParts<Value>(running: Parts<unknown, Value>, next: Parts<unknown, Value>): readonly Value[] {
  const kept = new Set([...next.values()].map((part) => part.value))
  return [...running.values()].map((part) => part.value).filter((value) => !kept.has(value))
}
