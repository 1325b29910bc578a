/** The sums of all metrics, rendered for Prometheus. Apart from the sums, since the hub only keeps them. */
import { exposition } from "./exposition.ts";
import { FAMILY_IDS, familyOf } from "./families.ts";
import { MetricSums } from "./metric-sums.ts";

export class MetricStore extends MetricSums {
  /** Prometheus' text. */
  render(nowMs: number): string {
    return FAMILY_IDS.map((id) => exposition(familyOf(id), this.samples(id, nowMs))).join("");
  }
}
