/** `count` IDs, alike for most of their length; the peer's is the last. */
export function policyIds(trustDomain: string, peer: string, count: number): readonly string[] {
  const others = Array.from({ length: count - 1 }, (_, index) => `spiffe://${trustDomain}/site/edge/workload-${index}`)
  return [...others, peer]
}
