/**
 * `next` is published and does not sign yet, `active` signs, `retired` is published for the SVIDs it signed. A
 * `retired` one stays until its own end: leaving earlier would mean that it was revoked.
 */
export type RootState = 'next' | 'active' | 'retired'

export interface ScheduledRoot {
  readonly state: RootState
  /** When it was made, which is later than its backdated `notBefore`: the schedule is about time to come. */
  readonly createdAt: Date
  readonly notAfter: Date
}

export type RotationStep = 'prune' | 'activate' | 'create-active' | 'create-next'

/**
 * When to make the next authority: half through the life of the active one, so that whoever renews an SVID at half of
 * its life has fetched the new bundle by three quarters of the authority's.
 */
function preparationAt({ createdAt, notAfter }: ScheduledRoot): number {
  return createdAt.getTime() + (notAfter.getTime() - createdAt.getTime()) / 2
}

/** Two thirds of what was left of the active one when the next was made: five sixths of its life when all is in time. */
function activationAt(active: ScheduledRoot, next: ScheduledRoot): number {
  const made = next.createdAt.getTime()
  return made + ((active.notAfter.getTime() - made) * 2) / 3
}

/**
 * When a root may leave the bundle. RFC 5280, 4.1.2.5: the second of `notAfter` belongs to the validity; a root that is
 * missing within it was revoked, and tunnels cut the connections of its SVIDs.
 */
function endOf({ notAfter }: ScheduledRoot): number {
  return notAfter.getTime() + 1000
}

export function hasEnded(root: ScheduledRoot, now: Date): boolean {
  return endOf(root) <= now.getTime()
}

/** What to do now; undefined when nothing is due. To be asked again after each step. */
export function rotationStep(roots: readonly ScheduledRoot[], now: Date): RotationStep | undefined {
  const time = now.getTime()
  if (roots.some((root) => hasEnded(root, now))) return 'prune'
  const active = roots.find((root) => root.state === 'active')
  const next = roots.find((root) => root.state === 'next')
  if (!active) return next ? 'activate' : 'create-active'
  if (next) return time >= activationAt(active, next) ? 'activate' : undefined
  return time >= preparationAt(active) ? 'create-next' : undefined
}

/** The next moment at which a step falls due. */
export function nextRotationAt(roots: readonly ScheduledRoot[]): Date {
  const active = roots.find((root) => root.state === 'active')
  const next = roots.find((root) => root.state === 'next')
  const due = roots.map(endOf)
  if (active) due.push(next ? activationAt(active, next) : preparationAt(active))
  return new Date(Math.min(...due))
}
