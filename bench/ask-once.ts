/** Asks for users one after the other, a few at a time: wrk ends by time, not when each has been asked. */
import { readFile } from "node:fs/promises";
import type { Users } from "./load.ts";

const AT_ONCE = 16;

/** A request of each user of a load, so that objects which have gone to sleep are awake when they are timed. */
export async function wakeAll({
  url,
  users,
}: {
  readonly url: string;
  readonly users: Users;
}): Promise<void> {
  await askOnce(url, users.header, await valuesOf(users), AT_ONCE);
}

/** One request of each, so many at a time. @throws where one is refused. */
export async function askOnce(
  url: string,
  header: string,
  users: readonly string[],
  atOnce: number,
): Promise<void> {
  const left = users.values();
  const client = async (): Promise<void> => {
    for (const user of left) {
      const response = await fetch(url, { headers: { [header]: user } });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${url}: a user was answered ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
}

/** As users.lua makes them. */
async function valuesOf({ count, file }: Users): Promise<string[]> {
  if (file !== undefined) return (await readFile(file, "utf8")).split("\n", count);
  return Array.from({ length: count }, (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`);
}
