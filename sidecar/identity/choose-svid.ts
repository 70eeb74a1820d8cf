import type { X509Svid } from '../../workload-api/index.js'
import { escapeText } from '../log/escape-text.js'

/** How an identity block names the one SVID it means; neither: the first. */
export interface SvidChoice {
  readonly spiffeId: string | undefined
  readonly hint: string | undefined
}

/** The agent offers no SVID, or more than one, that the block's choice fits. */
export class SvidChoiceError extends Error {
  override readonly name = 'SvidChoiceError'
}

/** An agent that offers hundreds is not listed to the end, and a hint may have any length. */
const maxListed = 10
const maxShownLength = 120

/** The one SVID the choice fits. Throws `SvidChoiceError`, which lists what was offered. */
export function chooseSvid(svids: readonly X509Svid[], choice: SvidChoice): X509Svid {
  const fitting = svids.filter((svid) => fits(svid, choice))
  const [chosen] = fitting
  const isNamed = choice.spiffeId !== undefined || choice.hint !== undefined
  if (chosen !== undefined && (fitting.length === 1 || !isNamed)) return chosen
  const what = chosen === undefined ? 'no SVID' : `${fitting.length} SVIDs`
  throw new SvidChoiceError(`the agent offers ${what} for ${describeChoice(choice)}; it offers ${listSvids(svids)}`)
}

/** SVIDs as an operator would write them to choose one. Bounded and escaped: an agent chose the hints. */
export function listSvids(svids: readonly X509Svid[]): string {
  const listed = svids.slice(0, maxListed).map(({ id, hint }) => {
    const shownHint = hint === '' ? '' : ` (hint "${shorten(hint)}")`
    return `"${shorten(id)}"${shownHint}`
  })
  const left = svids.length - listed.length
  return [...listed, ...(left > 0 ? [`${left} more`] : [])].join(', ')
}

function fits(svid: X509Svid, { spiffeId, hint }: SvidChoice): boolean {
  return (spiffeId === undefined || svid.id === spiffeId) && (hint === undefined || svid.hint === hint)
}

function describeChoice({ spiffeId, hint }: SvidChoice): string {
  const parts = [
    ...(spiffeId === undefined ? [] : [`spiffe_id "${shorten(spiffeId)}"`]),
    ...(hint === undefined ? [] : [`hint "${shorten(hint)}"`]),
  ]
  return parts.length === 0 ? 'the first place' : parts.join(' and ')
}

function shorten(text: string): string {
  return escapeText(text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text)
}
