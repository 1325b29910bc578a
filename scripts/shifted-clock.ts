/**
 * A local product whose clock is ahead, so that months pass between two starts: CLOCK_OFFSET_MS of `npm start`.
 *
 * Wraps the production bundle in a module that shifts its clock, and converts the alarms of its objects, which the runtime runs by the
 * real clock. So the product itself knows nothing of it, and a deployment cannot have it. The clock can also follow requests, for the
 * demo's history (demo-history.ts).
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

/** A request's header that sets the clock, if it follows requests: Unix ms, and " stopped" if it must stand still. */
export const CLOCK_HEADER = "X-Demo-Clock";

/** Ahead by so many ms, or as requests say ({@link CLOCK_HEADER}). */
export type Clock = number | "follows-requests";

/**
 * Writes the modules that shift the clock of the bundle at `entry`.
 * @param objects names of the bundle's exported object classes.
 * @returns their paths, the new entry first.
 */
export async function shiftedModules(
  entry: string,
  root: string,
  objects: readonly string[],
  time: Clock,
): Promise<string[]> {
  const directory = join(root, "clock");
  await mkdir(directory, { recursive: true });
  const [wrapper, clock] = [join(directory, "entry.mjs"), join(directory, "clock.mjs")];
  const inner = JSON.stringify(relative(directory, entry).replaceAll("\\", "/"));
  await writeFile(clock, clockSource(time));
  // The clock comes first: a module's imports run in order, before it.
  await writeFile(
    wrapper,
    [
      `import { setClock, shifted } from "./clock.mjs";`,
      `import * as inner from ${inner};`,
      `export * from ${inner};`,
      ...(time === "follows-requests" ? FOLLOWING : [`export { default } from ${inner};`]),
      ...objects.map((name) => `export const ${name} = shifted(inner.${name});`),
      "",
    ].join("\n"),
  );
  return [wrapper, clock];
}

const FOLLOWING = [
  "export default {",
  "  fetch(request, env, ctx) {",
  `    setClock(request.headers.get("${CLOCK_HEADER}"));`,
  "    return inner.default.fetch(request, env, ctx);",
  "  },",
  "};",
];

function clockSource(time: Clock): string {
  return `let offsetMs = ${time === "follows-requests" ? 0 : time};
let stoppedMs = null;
const RealDate = Date;
const now = () => stoppedMs ?? RealDate.now() + offsetMs;
export function setClock(text) {
  if (text === null) return;
  const [time, stopped] = text.split(" ");
  offsetMs = Number(time) - RealDate.now();
  stoppedMs = stopped === undefined ? null : Number(time);
}
globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }
  static now() {
    return now();
  }
};
const ms = (time) => (time instanceof RealDate ? time.getTime() : time);
${time === "follows-requests" ? FOLLOWING_ALARMS : SHIFTED_ALARMS}
function withShiftedAlarms(storage) {
  return new Proxy(storage, {
    get(target, name) {
      if (name === "setAlarm") return (time, ...rest) => target.setAlarm(realOf(ms(time)), ...rest);
      if (name === "getAlarm") {
        return async (...given) => {
          const time = await target.getAlarm(...given);
          return time === null ? null : shiftedOf(time);
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
      Object.defineProperty(ctx, "storage", { value: withShiftedAlarms(ctx.storage), configurable: true });
      super(ctx, env);
    }
  };
}
`;
}

const SHIFTED_ALARMS = `const realOf = (time) => time - offsetMs;
const shiftedOf = (time) => time + offsetMs;`;

/**
 * While requests set the clock: what is due within a minute runs. Other alarms must not run at once, over and over, because their time is
 * past by the real clock. Those in its future are kept, for the product that starts with this state next.
 */
const FOLLOWING_ALARMS = `const realOf = (time) => {
  if (time < now() + 60_000) return RealDate.now() + Math.max(0, time - now());
  return Math.max(time, RealDate.now() + 86_400_000);
};
const shiftedOf = (time) => time;`;
