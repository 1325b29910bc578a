/** Compiles a switch into the code for each rule of rules.ts: a Vite plugin, for the tests that switch rules off. */
import type { Plugin } from "vite";
import { RULES } from "./rules.ts";

/** The name of the global variable with the names of the rules that are off. */
export const RULES_OFF = "rulesOff";

export function ruleSwitches(): Plugin {
  return {
    name: "rule-switches",
    enforce: "pre",
    transform(code, id) {
      let switched = code;
      const byExpression = Map.groupBy(
        RULES.filter(({ file }) => id.endsWith(`/${file}`)),
        ({ expression }) => expression,
      );
      for (const [expression, rules] of byExpression) {
        if (switched.split(expression).length !== 2)
          throw new Error(`${id} must contain the expression of a rule once: ${expression}`);
        const [, start = "", kept = ""] = /^(const \w+ = )?(.*)$/s.exec(expression) ?? [];
        const off = rules.reduce(
          (on, { name, without }) =>
            `(globalThis.${RULES_OFF}?.has(${JSON.stringify(name)}) ? ${without.slice(start.length)} : ${on})`,
          kept,
        );
        // A function, since the expression may contain `$`.
        switched = switched.replace(expression, () => start + off);
      }
      return { code: switched, map: null };
    },
  };
}
