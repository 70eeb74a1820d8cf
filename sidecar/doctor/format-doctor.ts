import type { IdentityConfig } from '../config/index.js'
import { escapeText } from '../log/escape-text.js'
import type { Examination, Finding } from './examination.js'
import type { Selectors } from './selectors.js'

const marks: Readonly<Record<Finding['state'], string>> = { ok: 'ok', failed: 'FAILED', 'not reached': '-' }
const indent = '  '
const markWidth = 6
const stepWidth = 10

/** How far a source gets, one line a step. What an agent said is escaped. */
export function formatExamination({ title, findings }: Examination): string {
  const lines = findings.map(({ step, state, text }) =>
    `${indent}${marks[state].padEnd(markWidth)}  ${step.padEnd(stepWidth)}  ${escapeText(text)}`.trimEnd(),
  )
  return [escapeText(title), ...lines].join('\n')
}

/** What SPIRE's unix attestor sees of this process, and what of it is of use. */
export function formatSelectors({ uid, gid, supplementaryGids, path, sha256 }: Selectors): string {
  const ofProgram = [path, sha256].filter((selector) => selector !== undefined)
  return [
    "this process, as the unix attestor of a SPIRE agent sees it (run doctor as svidecar's own user)",
    ...[uid, gid, ...supplementaryGids, ...ofProgram].map((selector) => `${indent}${escapeText(selector)}`),
    ...(ofProgram.length === 0
      ? []
      : [
          `${indent}path and sha256 need discover_workload_path = true in the agent, and are those of Node.js: every`,
          `${indent}program that runs on it has them`,
        ]),
  ].join('\n')
}

/** The command that registers the identity, for the shell of an administrator of the SPIRE server. */
export function formatEntryCommand(identity: IdentityConfig, { uid, gid }: Selectors): string {
  const id = identity.spiffeId ?? `spiffe://TRUST-DOMAIN/${identity.name}`
  const words = [
    'spire-server entry create',
    '-parentID "$AGENT_ID"',
    `-spiffeID ${quoted(id)}`,
    ...[uid, gid].map((selector) => `-selector ${quoted(selector)}`),
    ...(identity.hint === undefined ? [] : [`-hint ${quoted(identity.hint)}`]),
  ]
  return [
    `to register identity "${escapeText(identity.name)}", where the SPIRE server is administered:`,
    `${indent}AGENT_ID='…'   # the agent of this node, out of: spire-server agent list`,
    `${indent}${words.join(` \\\n${indent}${indent}`)}`,
  ].join('\n')
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./:@-]+$/u.test(text) ? text : `'${escapeText(text).replaceAll("'", String.raw`'\''`)}'`
}
