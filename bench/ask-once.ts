/** Sends exactly one request for each user, which wrk cannot: it stops by time. */
import { readFile } from "node:fs/promises";
import type { Users } from "./wrk.ts";

const CONCURRENCY = 16;

/** Sends a request for each user of a load, so that no object is hibernating when it is timed. */
export async function wakeAll({
  url,
  users,
}: {
  readonly url: string;
  readonly users: Users;
}): Promise<void> {
  await askOnce(url, users.header, await valuesOf(users), CONCURRENCY);
}

/** Sends one request for each user. @param concurrency requests in flight. @throws if one is not successful. */
export async function askOnce(
  url: string,
  header: string,
  users: readonly string[],
  concurrency: number,
): Promise<void> {
  const left = users.values();
  const client = async (): Promise<void> => {
    for (const user of left) {
      const response = await fetch(url, { headers: { [header]: user } });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${url}: a request got ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
}

/** The header values, as users.lua generates them. */
async function valuesOf({ count, file }: Users): Promise<string[]> {
  if (file !== undefined) return (await readFile(file, "utf8")).split("\n", count);
  return Array.from({ length: count }, (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`);
}
