/** What a run of the benchmark has measured: written to bench/results/<date>.json, and shown by tables.ts. */
import type { Accuracy } from "./accuracy.ts";
import type { BilledCaller } from "./cost.ts";
import type { Growth, Memory } from "./growth.ts";
import type { Hops } from "./hops.ts";
import type { NewcomersCost } from "./newcomers.ts";
import type { Operations } from "./price.ts";
import type { RateCost } from "./rates.ts";
import type { Analytics } from "./rig-workers.ts";
import type { Rounds } from "./rounds.ts";
import type { Size } from "./size.ts";

export interface Results {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly command: string;
  /** Number of users in the loads of many users. */
  readonly manyUsers: number;
  readonly rounds: Rounds;
  readonly accuracy: readonly Accuracy[];
  readonly cost: ReadonlyMap<Analytics, ReadonlyMap<BilledCaller["name"], Operations>>;
  readonly rates: readonly RateCost[];
  readonly hops: readonly Hops[];
  readonly size: Size;
  readonly growth: readonly Growth[];
  /** Null if not measured. */
  readonly newcomers: NewcomersCost | null;
  readonly memory: readonly Memory[];
  /** What the simulation of P12 printed; null if it did not run. */
  readonly hotUsers: string | null;
}
