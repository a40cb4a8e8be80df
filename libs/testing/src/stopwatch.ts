/** The most that counts between two looks: what is longer, this process stood still. */
const STEP_MS_MAX = 50;
const LOOK_MS = 10;

/**
 * For limits of time on machines that stand still now and then: what could not run was not late. It does not excuse another process,
 * nor a disk.
 *
 * @returns for how many milliseconds this process has run since
 */
export function startStopwatch(): () => number {
  let [last, ranMs] = [performance.now(), 0];
  const look = (): number => {
    const now = performance.now();
    ranMs += Math.min(now - last, STEP_MS_MAX);
    last = now;
    return ranMs;
  };
  setInterval(look, LOOK_MS).unref();
  return look;
}
