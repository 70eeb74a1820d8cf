import type { FileStatus } from '../outputs/output-status.js'

/** As spiffe-helper names them; `x509_write_status` is there when there are such files. */
export interface WriteStatuses {
  readonly x509_write_status?: FileStatus['state']
  readonly jwt_write_status: Readonly<Record<string, FileStatus['state']>>
}

/** The worst first: one state stands for all X.509 files. */
const severity: readonly FileStatus['state'][] = ['failed', 'unwritten', 'written']

export function writeStatusesOf(files: readonly FileStatus[]): WriteStatuses {
  const states = new Set(files.filter(({ kind }) => kind === 'x509').map(({ state }) => state))
  const worst = severity.find((state) => states.has(state))
  const ofJwt = files.filter(({ kind }) => kind === 'jwt').map(({ path, state }) => [path, state] as const)
  return { ...(worst !== undefined && { x509_write_status: worst }), jwt_write_status: Object.fromEntries(ofJwt) }
}
