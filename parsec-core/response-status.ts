import { tableKeys } from './table-keys.js'

/** Parsec's answer codes, names and numbers of the wire protocol 1.0 (16 bits; 1132 and up are PSA's own). */
export const ResponseStatus = {
  Success: 0,
  WrongProviderId: 1,
  ContentTypeNotSupported: 2,
  AcceptTypeNotSupported: 3,
  WireProtocolVersionNotSupported: 4,
  ProviderNotRegistered: 5,
  ProviderDoesNotExist: 6,
  DeserializingBodyFailed: 7,
  SerializingBodyFailed: 8,
  OpcodeDoesNotExist: 9,
  ResponseTooLarge: 10,
  AuthenticationError: 11,
  AuthenticatorDoesNotExist: 12,
  AuthenticatorNotRegistered: 13,
  KeyInfoManagerError: 14,
  ConnectionError: 15,
  InvalidEncoding: 16,
  InvalidHeader: 17,
  WrongProviderUuid: 18,
  NotAuthenticated: 19,
  BodySizeExceedsLimit: 20,
  AdminOperation: 21,
  DeprecatedPrimitive: 22,
  PsaErrorGenericError: 1132,
  PsaErrorNotPermitted: 1133,
  PsaErrorNotSupported: 1134,
  PsaErrorInvalidArgument: 1135,
  PsaErrorInvalidHandle: 1136,
  PsaErrorBadState: 1137,
  PsaErrorBufferTooSmall: 1138,
  PsaErrorAlreadyExists: 1139,
  PsaErrorDoesNotExist: 1140,
  PsaErrorInsufficientMemory: 1141,
  PsaErrorInsufficientStorage: 1142,
  PsaErrorInsufficientData: 1143,
  PsaErrorCommunicationFailure: 1145,
  PsaErrorStorageFailure: 1146,
  PsaErrorHardwareFailure: 1147,
  PsaErrorInsufficientEntropy: 1148,
  PsaErrorInvalidSignature: 1149,
  PsaErrorInvalidPadding: 1150,
  PsaErrorCorruptionDetected: 1151,
  PsaErrorDataCorrupt: 1152,
  PsaErrorDataInvalid: 1153,
} as const

export type ResponseStatusName = keyof typeof ResponseStatus
export type ResponseStatus = (typeof ResponseStatus)[ResponseStatusName]

const names = new Map<number, ResponseStatusName>(tableKeys(ResponseStatus).map((name) => [ResponseStatus[name], name]))

/** Parsec's name of a status; undefined for a number the protocol does not define. */
export function responseStatusName(status: number): ResponseStatusName | undefined {
  return names.get(status)
}
