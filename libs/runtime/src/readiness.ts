/** What a process needs before it can do its work, and whether it has it now. */
export class Readiness {
  /** Each says whether it is there, or why it is not. */
  constructor(
    private readonly needs: Record<string, () => boolean | string | Promise<boolean | string>>,
  ) {}

  /** What is missing, with the reason if there is one; nothing if the process is ready. */
  async missing(): Promise<string[]> {
    const answers = await Promise.all(
      Object.entries(this.needs).map(async ([name, has]) => {
        const there = await Promise.resolve()
          .then(has)
          .catch(() => false);
        if (typeof there === 'string') return `${name}: ${there}`;
        return there ? undefined : name;
      }),
    );
    return answers.filter((name) => name !== undefined);
  }
}
