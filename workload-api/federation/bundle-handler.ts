import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SpiffeBundle } from '../bundle/spiffe-bundle.js'

/**
 * A handler for `http` and `https` servers that serves a trust domain's bundle (SPIFFE Federation section 5.2): the
 * newest at each request, to anybody. When there is none, it answers 503 and nothing of why.
 */
export function bundleHandler(
  newest: () => SpiffeBundle,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    request.resume()
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
      return
    }
    let document: Buffer
    try {
      document = Buffer.from(newest().marshal())
    } catch {
      response.writeHead(503).end()
      return
    }
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': document.length })
    response.end(request.method === 'HEAD' ? undefined : document)
  }
}
