import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ghostunnel } from './ghostunnel.js'
import { haproxy } from './haproxy.js'
import { nginx } from './nginx.js'
import type { Proxy } from './proxy.js'
import { svidecarSigner } from './svidecar-signer.js'
import { svidecar, svidecarHybrid } from './svidecar.js'

const ownDist = fileURLToPath(new URL('../../../', import.meta.url))
const variants = [svidecar, svidecarHybrid, svidecarSigner] as const

/** In the order of the table's columns; the first is the one that the others are compared with. */
export const proxies: readonly Proxy[] = [
  svidecar(ownDist),
  ghostunnel,
  haproxy,
  nginx,
  svidecarHybrid(ownDist),
  svidecarSigner(ownDist),
]

/** A name of the list, or `NAME=DIST`: that variant of svidecar from the build in another folder `dist`. */
function named(word: string): Proxy {
  const [name, dist] = word.split('=', 2)
  if (dist === undefined) {
    const found = proxies.find((proxy) => proxy.name === name)
    if (found !== undefined) return found
  } else {
    const found = variants.map((variant) => variant(resolve(dist))).find((proxy) => proxy.name === name)
    if (found !== undefined) return { ...found, name: `${name} in ${dist}` }
  }
  throw new TypeError(`"${word}" is neither one of ${proxies.map((proxy) => proxy.name).join(', ')} nor svidecar=DIST`)
}

/** Throws TypeError for a name that is not known. */
export function chooseProxies(words: readonly string[] | undefined): readonly Proxy[] {
  return words === undefined ? proxies : words.map(named)
}
