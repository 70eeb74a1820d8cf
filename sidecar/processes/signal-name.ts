import { constants } from 'node:os'

/** `SIGHUP` and the like as this system knows them; undefined for any other text, numbers among them. */
export function parseSignalName(text: string): NodeJS.Signals | undefined {
  return isSignalName(text) ? text : undefined
}

/** Every name there is, for suggestions. */
export function signalNames(): readonly string[] {
  return Object.keys(constants.signals)
}

function isSignalName(text: string): text is NodeJS.Signals {
  return Object.hasOwn(constants.signals, text)
}
