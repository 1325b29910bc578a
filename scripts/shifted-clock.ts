/**
 * A local product whose clock is ahead, so that months pass between two starts: CLOCK_OFFSET_MS of `npm start`.
 *
 * Wraps the production bundle in a module that shifts its clock, and converts the alarms of its objects, which the runtime runs by the
 * real clock. So the product itself knows nothing of it, and a deployment cannot have it.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** A century: later times cannot be written in RFC 3339. */
const MAX_OFFSET_MS = 100 * 366 * 86_400_000;

/** The variable's value; 0 if it is not set. Never negative: objects must not see their clock step back for good. */
export function readClockOffset(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  const offsetMs = Number(text);
  if (/^\d+$/.test(text) && offsetMs <= MAX_OFFSET_MS) return offsetMs;
  throw new Error(
    `CLOCK_OFFSET_MS must be a whole number of milliseconds from 0 to ${MAX_OFFSET_MS}, not "${text}"`,
  );
}

/**
 * Writes the modules that shift the clock of the bundle at `entry`.
 * @param objects names of the bundle's exported object classes.
 * @returns their paths, the new entry first.
 */
export async function shiftedModules(
  entry: string,
  root: string,
  objects: readonly string[],
  offsetMs: number,
): Promise<string[]> {
  const directory = join(root, "clock");
  await mkdir(directory, { recursive: true });
  const [wrapper, clock] = [join(directory, "entry.mjs"), join(directory, "clock.mjs")];
  const inner = JSON.stringify(relative(directory, entry).replaceAll("\\", "/"));
  await writeFile(clock, clockSource(offsetMs));
  // The clock comes first: a module's imports run in order, before it.
  await writeFile(
    wrapper,
    [
      `import { shifted } from "./clock.mjs";`,
      `import * as inner from ${inner};`,
      `export * from ${inner};`,
      `export { default } from ${inner};`,
      ...objects.map((name) => `export const ${name} = shifted(inner.${name});`),
      "",
    ].join("\n"),
  );
  return [wrapper, clock];
}

function clockSource(offsetMs: number): string {
  return `const OFFSET_MS = ${offsetMs};
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + OFFSET_MS);
    else super(...given);
  }
  static now() {
    return RealDate.now() + OFFSET_MS;
  }
};
const ms = (time) => (time instanceof RealDate ? time.getTime() : time);
function withShiftedAlarms(storage) {
  return new Proxy(storage, {
    get(target, name) {
      if (name === "setAlarm") return (time, ...rest) => target.setAlarm(ms(time) - OFFSET_MS, ...rest);
      if (name === "getAlarm") {
        return async (...given) => {
          const time = await target.getAlarm(...given);
          return time === null ? null : time + OFFSET_MS;
        };
      }
      const value = target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
export function shifted(Inner) {
  return class extends Inner {
    constructor(ctx, env) {
      Object.defineProperty(ctx, "storage", { value: withShiftedAlarms(ctx.storage) });
      super(ctx, env);
    }
  };
}
`;
}
