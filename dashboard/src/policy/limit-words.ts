/** A limit of a policy in words, and the change of one. Pure; accepts limits of any shape. */

/** Whether callers get less than before, or more. Null if that cannot be said. */
export type Effect = "tighter" | "looser" | null;

/** Costs and tokens are multiples of 0.001. */
const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

type Fields = Readonly<Record<string, unknown>>;

/** "100 tokens a minute, burst 150"; "50,000 tokens a month"; "5 at once, in shadow". */
export function limitWords(limit: Fields): string {
  const { kind, tokens, amount, per, burst, max, scope, shadow } = limit;
  const unit = unitOf(limit);
  const scoped = scope === undefined || scope === "user" ? "" : `, for each ${text(scope)}`;
  const each = shadow === true ? `${scoped}, in shadow` : scoped;
  switch (kind) {
    case "bucket":
      return `${text(tokens)} ${unit} ${period(per)}${burst === undefined ? "" : `, burst ${text(burst)}`}${each}`;
    case "quota":
      return `${text(amount)} ${unit} ${period(per)}${each}`;
    case "concurrency":
      return `${text(max)} requests at once${each}`;
    default:
      return `a limit of kind ${text(kind)}`;
  }
}

/** What it counts: tokens of requests, if it names no unit. */
function unitOf({ unit }: Fields): string {
  return unit === undefined ? "tokens" : text(unit);
}

/** What changed, in words; null if nothing did. */
export function limitChange(
  before: Fields,
  after: Fields,
): { readonly words: string; readonly effect: Effect } | null {
  if (JSON.stringify(before) === JSON.stringify(after)) return null;
  if (before["kind"] !== after["kind"]) {
    return { words: `${limitWords(before)} → ${limitWords(after)}`, effect: null };
  }
  const parts: string[] = [];
  const effects = new Set<Effect>();
  const rate = before["kind"] === "bucket" ? "tokens" : "amount";
  const named = new Set(["name", "kind", rate, "per"]);
  if (before[rate] !== after[rate] || before["per"] !== after["per"]) {
    const isSamePer = before["per"] === after["per"];
    const unit = `${unitOf(after)} ${period(after["per"])}`;
    parts.push(
      isSamePer
        ? `${text(before[rate])} → ${text(after[rate])} ${unit}`
        : `${text(before[rate])} ${unitOf(before)} ${period(before["per"])} → ${text(after[rate])} ${unit}`,
    );
    effects.add(isSamePer ? effectOf(before[rate], after[rate]) : null);
  }
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[name], after[name]];
    if (named.has(name) || JSON.stringify(was) === JSON.stringify(is)) continue;
    const shadow = name === "shadow" ? shadowChange(was, is) : null;
    if (shadow) {
      parts.push(shadow.words);
      effects.add(shadow.effect);
      continue;
    }
    parts.push(`${name === "max" ? "at once" : name} ${text(was)} → ${text(is)}`);
    effects.add(name === "burst" || name === "max" ? effectOf(was, is) : null);
  }
  const [only, ...others] = effects;
  // The order of the fields changed only.
  if (parts.length === 0) return null;
  return { words: parts.join(", "), effect: others.length === 0 ? (only ?? null) : null };
}

/** Whether a limit, tier or route is put in shadow or out of it; null if neither. */
export function shadowChange(
  was: unknown,
  is: unknown,
): { readonly words: string; readonly effect: Effect } | null {
  if (is === true) return { words: "put in shadow: denies nothing", effect: "looser" };
  return was === true ? { words: "enforced, no longer in shadow", effect: "tighter" } : null;
}

function effectOf(before: unknown, after: unknown): Effect {
  if (typeof before !== "number" || typeof after !== "number" || before === after) return null;
  return after < before ? "tighter" : "looser";
}

/** "a minute", "an hour". */
function period(per: unknown): string {
  return per === "hour" ? "an hour" : `a ${text(per)}`;
}

function text(value: unknown): string {
  if (typeof value === "number") return NUMBER.format(value);
  if (value === undefined) return "default";
  return typeof value === "string" ? value : JSON.stringify(value);
}
