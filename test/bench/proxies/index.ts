import { ghostunnel } from './ghostunnel.js'
import { haproxy } from './haproxy.js'
import { nginx } from './nginx.js'
import type { Proxy } from './proxy.js'
import { svidecarSigner } from './svidecar-signer.js'
import { svidecar, svidecarHybrid } from './svidecar.js'

/** In the order of the table's columns; the first is the one that the others are compared with. */
export const proxies: readonly Proxy[] = [svidecar, ghostunnel, haproxy, nginx, svidecarHybrid, svidecarSigner]
