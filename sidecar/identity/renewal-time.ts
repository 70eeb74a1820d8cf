const renewalFraction = 0.5
const renewalJitter = 0.1

/**
 * When an SVID is renewed that lives from `start` to `end` (milliseconds since 1970): at half of that time, a little
 * earlier by chance, so that many do not renew at once.
 */
export function renewalTime(start: number, end: number): number {
  return start + (end - start) * (renewalFraction - Math.random() * renewalJitter)
}
