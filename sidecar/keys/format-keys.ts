import { formatTable } from '../admin/format-table.js'
import { escapeText } from '../log/escape-text.js'
import type { KeyAnswer } from './key-request.js'
import type { KeyView, OrphanView } from './key-view.js'

const keyHeadings = ['KEY', 'PROVIDER', 'OWNER', 'TYPE', 'RESIDENCY', 'LIFETIME', 'STATE']

function keyRow(key: KeyView): readonly string[] {
  const state = key.missing === null ? 'present' : `MISSING: ${key.missing}`
  return [key.name, key.provider, key.identity, key.type, key.residency, key.lifetime, state]
}

function orphanRow({ id, provider, providerType, label, removed }: OrphanView): readonly string[] {
  return [id, provider, providerType, label, removed ? 'removed' : 'ORPHAN']
}

/** An answer as a person reads it. */
export function formatKeyAnswer(answer: KeyAnswer): string {
  return linesOf(answer).join('\n').split('\n').map(escapeText).join('\n')
}

function linesOf(answer: KeyAnswer): readonly string[] {
  switch (answer.action) {
    case 'list':
      return [answer.keys.length === 0 ? 'no keys' : formatTable(keyHeadings, answer.keys.map(keyRow))]
    case 'show':
    case 'create':
      return [formatTable(keyHeadings, [keyRow(answer.key)]), '', (answer.publicKey ?? 'no public key').trimEnd()]
    case 'delete':
      return [`deleted "${answer.key.name}" of ${answer.key.identity} (${answer.key.residency})`]
    case 'csr':
      return [answer.csr.trimEnd()]
    case 'check':
      return checkLines(answer)
  }
}

function checkLines({ missing, orphans }: Extract<KeyAnswer, { action: 'check' }>): readonly string[] {
  const left = orphans.filter(({ removed }) => !removed)
  return [
    ...(missing.length === 0
      ? []
      : ['keys that their device no longer has:', formatTable(keyHeadings, missing.map(keyRow)), '']),
    ...(orphans.length === 0
      ? []
      : [
          'objects on a device that are no key known here:',
          formatTable(['ID', 'PROVIDER', 'TYPE', 'LABEL', 'STATE'], orphans.map(orphanRow)),
          '',
        ]),
    missing.length + left.length === 0
      ? 'every key is on its device, and nothing else'
      : `${missing.length} missing, ${left.length} orphaned`,
  ]
}

/** What a program gets: a list of keys, one key, or the whole of a check. */
export function jsonOf(answer: KeyAnswer): unknown {
  switch (answer.action) {
    case 'list':
      return answer.keys
    case 'csr':
      return { ...answer.key, csr: answer.csr }
    case 'check':
      return { missing: answer.missing, orphans: answer.orphans }
    case 'show':
    case 'create':
    case 'delete':
      return { ...answer.key, publicKey: answer.publicKey }
  }
}
