import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { newCryptoki } from './load-cryptoki.js'
import { ModuleCallsHandler } from './module-calls.js'
import type { CallMessage, WorkerMessage, WorkerSettings } from './protocol.js'
import { control, viewRing, type RingMemory } from './ring-layout.js'
import { answerRing } from './ring-answers.js'
import { faultOf } from './worker-failure.js'

/**
 * The thread all calls of one module run in, one after the other. It never returns to an event loop: it sleeps on the
 * shared memory and is woken by whoever gave it something, which saves a signature the loop's own cost.
 */
const { module, memory } = workerData as WorkerSettings
const port = parentPort
if (port) serve(port)

function serve(channel: NonNullable<typeof parentPort>): void {
  const post = (message: WorkerMessage) => channel.postMessage(message)
  const cryptoki = newCryptoki()
  const handler = new ModuleCallsHandler(cryptoki, module)
  try {
    handler.start()
    post({ kind: 'started' })
  } catch (error) {
    post({ kind: 'started', fault: faultOf(error) })
    return
  }
  const ring = viewRing(memory)
  const signed = () => post({ kind: 'signed' })
  while (handler.running) {
    const seen = Atomics.load(ring.control, control.wake)
    answerRing(ring, handler, signed)
    const received: { readonly message: CallMessage } | undefined = receiveMessageOnPort(channel)
    if (received) post(answer(handler, received.message, Atomics.load(ring.control, control.epoch)))
    else if (!hasMore(ring)) Atomics.wait(ring.control, control.wake, seen)
  }
}

function hasMore(ring: RingMemory): boolean {
  return Atomics.load(ring.control, control.done) !== Atomics.load(ring.control, control.submitted)
}

function answer(
  handler: ModuleCallsHandler,
  { id, name, request, epoch }: CallMessage,
  current: number,
): WorkerMessage {
  try {
    return { kind: 'answered', id, value: handler.call(name, request, epoch === current) }
  } catch (error) {
    return { kind: 'failed', id, fault: faultOf(error) }
  }
}
