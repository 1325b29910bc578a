/**
 * What is wrong with the events of a new document. A stored one may name kinds that this Worker does not know: a newer one stored it, and
 * they are never reported. Pure.
 */
import { EVENT_KINDS } from "../event-kinds.ts";
import { type Fault, pointer } from "./fault.ts";
import type { PolicyDocument } from "./schema.ts";

export function eventFaults({ events = [], billing }: PolicyDocument): Fault[] {
  return events.flatMap((kind, i): Fault[] => {
    const fault = (message: string): Fault[] => [{ path: pointer(["events", i]), message }];
    if (!EVENT_KINDS.some((known) => known === kind)) {
      return fault(`unknown kind "${kind.slice(0, 64)}" (known: ${EVENT_KINDS.join(", ")})`);
    }
    if (events.indexOf(kind) < i) return fault("is listed twice");
    return kind.startsWith("alert.") && (billing?.alerts ?? []).length === 0
      ? fault(
          'never happens without thresholds: add "alerts" to "billing", such as [50, 80, 100], or remove it',
        )
      : [];
  });
}
