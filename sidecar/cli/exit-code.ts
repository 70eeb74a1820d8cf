/** What the command's exit status says; a child's own status is passed through by `exec`. */
export const exitCodes = { success: 0, fault: 1, usage: 2, noIdentity: 3 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
