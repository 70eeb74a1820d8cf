// Runs one tool of the build as a step: quiet when it is quick, a line of progress now and then when it is not,
// and the end of the tool's own output when it fails.
import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const quietMs = 1_500
const progressEveryMs = 10_000
const tailLines = 100
const keptCharacters = 1 << 20

/** A step that failed for a reason the reader can act on; its message is all that is shown. */
export class StepFailed extends Error {}

/** Runs `main` when the module at `url` is the program itself, and shows a failed step without a stack. */
export async function runAsProgram(url, main) {
  if (realpathSync(process.argv[1] ?? '') !== fileURLToPath(url)) return
  try {
    await main()
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}

export function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}

/** Keeps the end of what a tool prints, so that a talkative one cannot fill the memory. */
function outputCollector(stream, echo) {
  let kept = ''
  stream.setEncoding('utf8')
  stream.on('data', (text) => {
    if (echo) process.stdout.write(text)
    kept = (kept + text).slice(-keptCharacters)
  })
  return () => kept
}

function lastLine(text) {
  const lines = text.trimEnd().split('\n')
  return (lines.at(-1) ?? '').trim().slice(0, 80)
}

function waitForExit(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve(signal ?? status))
  })
}

/**
 * Runs `command` in the root folder and answers what it printed. `show: true` passes its output on as it comes;
 * otherwise it is shown only when the tool fails. Throws StepFailed.
 */
export async function step(title, command, args, options = {}) {
  const { show = false, env = process.env, cwd = root } = options
  const started = performance.now()
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const collectors = [outputCollector(child.stdout, show), outputCollector(child.stderr, show)]
  const output = () => collectors.map((collect) => collect()).join('')
  const progress = setInterval(() => {
    if (!show) console.log(`  ${title}: ${seconds(started)} … ${lastLine(output())}`)
  }, progressEveryMs)
  try {
    const status = await waitForExit(child)
    if (status !== 0) throw failure(title, status, show ? '' : output(), [command, ...args], output())
  } finally {
    clearInterval(progress)
  }
  if (!show && performance.now() - started > quietMs) console.log(`  ${title}: ${seconds(started)}`)
  return output()
}

function failure(title, status, shown, commandLine, output) {
  const tail = shown.trimEnd().split('\n').slice(-tailLines).join('\n')
  const text = `${title} failed (${status}): ${commandLine.join(' ').slice(0, 200)}`
  return Object.assign(new StepFailed(tail === '' ? text : `${tail}\n\n${text}`), { output })
}
