/** The chart of a simulation: denied requests over time, by the policy in force and by the simulated one. Pure. */
import type { ChartModel } from "../charts/chart-model.ts";
import { count, duration } from "../shell/format.ts";
import type { SimulationResult } from "./simulation.ts";

type Series = SimulationResult["series"];

/** @param after the name of the simulated policy. */
export function deniedChart(
  { from, intervalSeconds, deniedBefore, deniedAfter }: Series,
  after: string,
): ChartModel {
  const [fromMs, stepMs] = [Date.parse(from), intervalSeconds * 1_000];
  return {
    timesMs: deniedBefore.map((_value, i) => fromMs + i * stepMs),
    stepMs,
    lines: [
      { name: "Denied by the policy in force", colour: "--quiet", values: deniedBefore },
      { name: `Denied by ${after}`, colour: "--denied", values: deniedAfter },
    ],
    show: (value) => `${count(value)} denied`,
    tick: count,
  };
}

/** The chart in one sentence. */
export function deniedSummary(
  { from, intervalSeconds, deniedBefore, deniedAfter }: Series,
  after: string,
): string {
  const [before, now] = [Math.max(0, ...deniedBefore), Math.max(0, ...deniedAfter)];
  const step = duration(intervalSeconds * 1_000);
  if (before === 0 && now === 0) return "Neither policy denies any request.";
  const at = new Date(Date.parse(from) + deniedAfter.indexOf(now) * intervalSeconds * 1_000);
  const clock = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const most =
    now === 0 ? `${after} denies none` : `${after} denies at most ${count(now)} in ${step}, at ${clock}`;
  return `${most}; the policy in force at most ${count(before)}.`;
}
