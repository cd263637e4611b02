/** What a manager tells of an object: what a reader has to name to get its pieces. */

interface TaskFacts {
  readonly task: string;
  readonly url: string;
  readonly generation: string;
  readonly pieceBytes: number;
}

/** The task whose URL ends so. */
export async function objectAt(managerPort: number, urlEnd: string): Promise<Omit<TaskFacts, "url">> {
  const { tasks } = (await (await fetch(`http://127.0.0.1:${managerPort}/v1/tasks`)).json()) as { tasks: TaskFacts[] };
  const found = tasks.find(({ url }) => url.endsWith(urlEnd));
  if (found === undefined) throw new Error(`the manager knows no task of ${urlEnd}`);
  const { task, generation, pieceBytes } = found;
  return { task, generation, pieceBytes };
}
