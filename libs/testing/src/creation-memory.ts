/** What workers remember in Redis about creating, for tests of one process: nothing has to wait. */
export function creationMemory() {
  const reminders = new Set<string>();
  /** What was taken, in order. */
  const taken: string[] = [];
  return {
    taken,
    rations: {
      take: (name: string): Promise<number> => {
        taken.push(name);
        return Promise.resolve(0);
      },
    },
    reminders: {
      set: (name: string): Promise<void> => Promise.resolve(void reminders.add(name)),
      has: (name: string): Promise<boolean> => Promise.resolve(reminders.has(name)),
      clear: (name: string): Promise<void> => Promise.resolve(void reminders.delete(name)),
    },
  };
}
