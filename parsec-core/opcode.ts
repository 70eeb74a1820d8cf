import type { Provider } from './provider.js'
import { tableKeys } from './table-keys.js'

/** Parsec's operation numbers (wire protocol 1.0), for the operations a provider may implement. */
export const Opcode = {
  PsaGenerateKey: 0x02,
  PsaDestroyKey: 0x03,
  PsaSignHash: 0x04,
  PsaVerifyHash: 0x05,
  PsaImportKey: 0x06,
  PsaExportPublicKey: 0x07,
  PsaExportKey: 0x0c,
  PsaGenerateRandom: 0x0d,
  PsaSignMessage: 0x18,
  PsaVerifyMessage: 0x19,
  CanDoCrypto: 0x20,
} as const

export type OpcodeName = keyof typeof Opcode
export type Opcode = (typeof Opcode)[OpcodeName]

type MethodName = Uncapitalize<OpcodeName>

/** The provider's methods and their numbers: adding an operation is one method and one line here. */
const methods: Readonly<Record<MethodName, Opcode>> = {
  psaGenerateKey: Opcode.PsaGenerateKey,
  psaDestroyKey: Opcode.PsaDestroyKey,
  psaSignHash: Opcode.PsaSignHash,
  psaVerifyHash: Opcode.PsaVerifyHash,
  psaImportKey: Opcode.PsaImportKey,
  psaExportPublicKey: Opcode.PsaExportPublicKey,
  psaExportKey: Opcode.PsaExportKey,
  psaGenerateRandom: Opcode.PsaGenerateRandom,
  psaSignMessage: Opcode.PsaSignMessage,
  psaVerifyMessage: Opcode.PsaVerifyMessage,
  canDoCrypto: Opcode.CanDoCrypto,
}

/** What a provider supports, computed from the methods it has: a second list could disagree with them. Ascending. */
export function opcodesOf(provider: Provider): readonly Opcode[] {
  return tableKeys(methods)
    .filter((method) => provider[method] !== undefined)
    .map((method) => methods[method])
    .toSorted((a, b) => a - b)
}
