/** Lists that change all the time. */

/** Takes out what is at `place`, as `splice` does, without a list of what was taken. */
export function removeAt(list: unknown[], place: number): void {
  for (let at = place + 1; at < list.length; at++) list[at - 1] = list[at];
  list.pop();
}
