/** Parses Prometheus' text format by its official grammar, independently of our writer. */
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/u;
const PAIR = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/gu;

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @throws if a line violates the format. */
export function readExposition(text: string): ReadSample[] {
  if (!text.endsWith("\n")) throw new Error("the last line must end in a line feed");
  return text
    .slice(0, -1)
    .split("\n")
    .filter((line) => !line.startsWith("# "))
    .map((line) => {
      const [, name = "", pairs = "", value = ""] = LINE.exec(line) ?? [];
      if (name === "") throw new Error(`not a sample: ${line}`);
      const found = [...pairs.matchAll(PAIR)];
      if (found.map(([all]) => all).join("") !== pairs) throw new Error(`invalid labels: ${line}`);
      const labels = found.map(([, label = "", escaped = ""]) => [label, unescaped(escaped)] as const);
      return { name, labels: Object.fromEntries(labels), value: value === "+Inf" ? Infinity : Number(value) };
    });
}

/** The value of the sample with this name and these labels; undefined if there is none. @throws if several match. */
export function valueOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}) {
  const found = readExposition(text).filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  if (found.length > 1) throw new Error(`${found.length} samples of ${name} match`);
  return found[0]?.value;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(["\\n])/g, (_all, escaped) => (escaped === "n" ? "\n" : escaped));
}
