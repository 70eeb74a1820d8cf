/** It is not something that can be told of; the text says why. */
export class InspectError extends Error {
  override readonly name = 'InspectError'
}
