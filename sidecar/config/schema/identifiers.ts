import { parseEndpointAddress, parseSpiffeId, parseTrustDomain, SpiffeError } from '../../../workload-api/index.js'
import { parsePattern, PatternError } from '../../authorizers/index.js'
import { parseAddress } from '../address.js'
import type { Address } from '../model.js'
import { parseInteger, textType, type Parsed } from './scalars.js'
import type { Reading, ValueType } from './spec.js'

/** Runs a parser of a standard; what it throws says what is wrong, without the text. */
function checked<T>(parse: () => T): Parsed<T> {
  try {
    return { value: parse() }
  } catch (error) {
    if (error instanceof SpiffeError || error instanceof PatternError) return { fault: `is invalid: ${error.message}` }
    throw error
  }
}

/** The ID of a workload: one without a path names a trust domain, which no peer may present (X509-SVID section 5.2). */
export const spiffeId: ValueType<string> = textType('SPIFFE ID', 'a SPIFFE ID', (text) => {
  const parsed = checked<string>(() => parseSpiffeId(text))
  if ('fault' in parsed || parsed.value.indexOf('/', 'spiffe://'.length) !== -1) return parsed
  return { fault: 'is the ID of a trust domain: a workload has a path after it' }
})

export const trustDomain: ValueType<string> = textType(
  'trust domain',
  'a trust domain such as "example.org"',
  (text) =>
    text.startsWith('spiffe://')
      ? { fault: 'takes the name of a trust domain, without "spiffe://"' }
      : checked(() => parseTrustDomain(text)),
)

export const pattern: ValueType<string> = textType('pattern', 'a pattern of SPIFFE IDs', (text) =>
  checked(() => {
    parsePattern(text)
    return text
  }),
)

export function checkAgentAddress(text: string): Parsed<string> {
  return checked(() => {
    parseEndpointAddress(text)
    return text
  })
}

/** The address of a Workload API, kept as it is written; empty is not given, as in spiffe-helper. */
export const agentAddress: ValueType<string> = textType('agent address', 'the address of a Workload API', (text) =>
  text === '' ? { value: '' } : checkAgentAddress(text),
)

export const address: ValueType<Address> = textType('address', 'an address such as "127.0.0.1:8080"', parseAddress)

const maxLabelLength = 64

/** A name that goes into file names, metrics and logs as it is. */
export function checkLabel(text: string): string | undefined {
  if (text.length > maxLabelLength) return `is longer than ${maxLabelLength} characters`
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text)) return undefined
  return 'must start with a letter or digit and have only A-Z, a-z, 0-9, ".", "-" and "_"'
}

/** The label of another block. */
export const label: ValueType<string> = textType('label', 'the label of a block', (text) => {
  const fault = checkLabel(text)
  return fault === undefined ? { value: text } : { fault }
})

/** 4294967295 is -1 to the kernel: "leave it as it is". */
const maxId = 4_294_967_294

function account(
  kind: 'user' | 'group',
  find: (reading: Reading, name: string) => number | undefined,
): ValueType<number> {
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group'
  return textType(kind, `a ${kind} by name or number`, (text, reading) => {
    const number = /^\d+$/.test(text) ? parseInteger(text) : undefined
    if (number !== undefined && number <= maxId) return { value: number }
    if (!/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/.test(text)) return { fault: `needs a ${kind} by name or number` }
    const found = find(reading, text)
    if (found !== undefined) return { value: found }
    return { fault: `names a ${kind} that is not in ${file}; one from a directory service needs its number` }
  })
}

export const user: ValueType<number> = account('user', ({ accounts }, name) => accounts.uid(name))
export const group: ValueType<number> = account('group', ({ accounts }, name) => accounts.gid(name))
