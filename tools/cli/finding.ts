/** Something that was looked at. What is not good says what to do. */
export type Finding = { about: string; message: string } & (
  { state: 'good'; remedy?: never } | { state: 'warning' | 'wrong' | 'unknown'; remedy: string }
);
