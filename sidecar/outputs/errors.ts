export type OutputErrorCode =
  | 'ERR_OUTPUT_DIRECTORY'
  | 'ERR_OUTPUT_IN_THE_WAY'
  | 'ERR_OUTPUT_KEY_NOT_EXPORTABLE'
  | 'ERR_OUTPUT_BUNDLE_MISSING'
  | 'ERR_OUTPUT_WRITE'

/** Files could not be put in place; what lay there before still does. The text says what to check. */
export class OutputError extends Error {
  override readonly name: string = 'OutputError'
  readonly code: OutputErrorCode

  constructor(code: OutputErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A directory lies where a file shall be. */
export function inTheWay(path: string): OutputError {
  return new OutputError('ERR_OUTPUT_IN_THE_WAY', `"${path}" is a directory: remove it`)
}

const adviceByCode: Readonly<Record<string, string>> = {
  ENOSPC: 'the file system is full',
  EDQUOT: 'the quota of the file system is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'the directory does not let this user write',
  EPERM: 'this user may not set the owner or the mode that is wanted',
  ENOENT: 'the directory is gone',
  ENAMETOOLONG: 'the name is too long for the file system',
}

/** The one place where an error of the file system becomes ours. */
export function writeError(path: string, cause: unknown): OutputError {
  if (cause instanceof OutputError) return cause
  const reason = adviceByCode[systemCode(cause) ?? ''] ?? 'the file system refuses'
  return new OutputError('ERR_OUTPUT_WRITE', `cannot write "${path}": ${reason}`, { cause })
}

/** The system's name of an error (`ENOENT`); undefined for an error of another kind. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
