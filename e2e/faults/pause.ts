/** Time that a fault lasts; whoever waits for a fact uses `until`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
