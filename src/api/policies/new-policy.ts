/** Checks of a document before it becomes a revision. Pure. */
import { STANDING_REASONS } from "../../analytics/outcome.ts";
import { compilePolicy, type Policy } from "../../policy/compile.ts";
import type { ScopedLimit } from "../../policy/compiled.ts";
import { type Fault, MAX_FAULTS, type Parsed, pointer } from "../../policy/fault.ts";
import { textFaults } from "../plain-text.ts";

/** Compiles a new document. It is checked more strictly than stored ones, which must compile forever. */
export function compileNew(document: unknown): Parsed<Policy> {
  const compiled = compilePolicy(document, 0);
  const faults = compiled.ok ? [...textFaults(document), ...nameFaults(compiled.value)] : [];
  return faults.length > 0 ? { ok: false, faults: faults.slice(0, MAX_FAULTS) } : compiled;
}

/** Limits with the name of a reason other than a limit: reports would count their denials as turned away. */
function nameFaults({ tiers, routes }: Policy): Fault[] {
  const faultsIn = (path: readonly PropertyKey[], limits: readonly ScopedLimit[]) =>
    limits.flatMap(({ limit: { name } }, i) =>
      STANDING_REASONS.some((reason) => reason === name)
        ? [
            {
              path: pointer([...path, "limits", i, "name"]),
              message: "is reserved: reports use it for rejections that are not by a limit",
            },
          ]
        : [],
    );
  return [
    ...[...tiers].flatMap(([name, { limits }]) => faultsIn(["tiers", name], limits)),
    ...routes.all.flatMap(({ limits }, i) => faultsIn(["routes", i], limits)),
  ];
}
