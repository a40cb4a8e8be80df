/** What a process needs before it can do its work, and whether it has it now. */
export class Readiness {
  constructor(private readonly needs: Record<string, () => boolean | Promise<boolean>>) {}

  /** The names of what is missing; none if the process is ready. */
  async missing(): Promise<string[]> {
    const answers = await Promise.all(
      Object.entries(this.needs).map(async ([name, has]) => {
        const there = await Promise.resolve()
          .then(has)
          .catch(() => false);
        return there ? undefined : name;
      }),
    );
    return answers.filter((name) => name !== undefined);
  }
}
