/**
 * Sets environment variables for as long as something runs, and puts back what was there. Every `LOGFERRY_` variable of the
 * surroundings is away meanwhile: what a developer has set must not decide about a test.
 */
export async function withEnvironment<T>(
  variables: Readonly<Record<string, string>>,
  run: () => Promise<T>,
): Promise<T> {
  const before = { ...process.env };
  for (const name of Object.keys(before))
    if (name.startsWith('LOGFERRY_')) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return await run();
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}
