/** The TypeScript examples of a document, as it prints them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./project.ts";

export interface Example {
  /** Unique in the document. */
  readonly name: string;
  readonly text: string;
}

/** In order. @param file relative to the repository. */
export async function examplesOf(file: string): Promise<Example[]> {
  const text = await readFile(join(ROOT, file), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = ""], n) => ({
    name: `example-${n + 1}.ts`,
    text: block,
  }));
}
