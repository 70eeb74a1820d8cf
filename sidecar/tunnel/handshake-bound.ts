import type { Config } from '../config/index.js'

/** Beyond the deadlines themselves: a timer of the data plane may fire a little late. */
const marginMs = 1000

/**
 * How long, in milliseconds, the longest handshake with an identity may go on after the tunnels got another SVID: each
 * holds the SVID it began with until its deadline, and in client mode the target is dialled first.
 */
export function handshakeBoundMs({ tunnels }: Config, identity: string): number {
  const bounds = tunnels
    .filter((tunnel) => tunnel.identity === identity)
    .map((tunnel) => tunnel.handshakeTimeoutMs + tunnel.connectTimeoutMs)
  return Math.max(0, ...bounds) + marginMs
}
