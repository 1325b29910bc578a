/** Which deployment this is: its host, its version, the policy revision in force, and whether it is healthy. */
import type { Health } from "./answers.ts";
import { isNullOr, isNumber, isOneOf, isShape, isText, parseAs } from "./guards.ts";
import { Link } from "./page.tsx";
import { usePolled } from "./use-polled.ts";

const EVERY_MS = 15_000;

export const parseHealth = parseAs(
  isShape<Health>({
    status: isOneOf({ ok: true, degraded: true }),
    version: isText,
    deployment: isNullOr(isText),
    revision: isNullOr(isNumber),
    checks: isShape({ policy: isText, limiter: isText, jurisdiction: isText }),
  }),
);

export function Deployment() {
  const { value, fault } = usePolled("/health", parseHealth, EVERY_MS);
  const state = fault !== null ? "unreachable" : (value?.status ?? "unknown");
  const tone = { ok: "allowed", degraded: "warning", unreachable: "error", unknown: "neutral" }[state];
  return (
    <div class="deployment">
      <Link to={{ screen: "system", params: {} }}>
        <span class="dot" data-tone={tone} />
        <span class="host">{location.host}</span>
        {state !== "ok" && state !== "unknown" && <span class="deployment-state">{state}</span>}
      </Link>
      {value && <span class="caption">v{value.version}</span>}
      {value && value.revision !== null && (
        <Link to={{ screen: "policy", params: {} }}>policy {value.revision}</Link>
      )}
    </div>
  );
}
