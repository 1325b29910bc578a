/** The dialog that raises a limit for a time: grants extra capacity. */
import { useState } from "preact/hooks";
import { Choice } from "../kit/choice.tsx";
import { When } from "../kit/time.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { LimitReading } from "../shell/answers.ts";
import { call } from "../shell/api-client.ts";
import { DAY_MS, HOUR_MS } from "../shell/durations.ts";
import { exact } from "../shell/format.ts";
import { accountPath, parseGrant } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";
import { leftText, usualExtra } from "./limit-text.ts";

const DURATIONS = [
  [HOUR_MS, "1 hour"],
  [DAY_MS, "1 day"],
  [7 * DAY_MS, "7 days"],
  [30 * DAY_MS, "30 days"],
] as const;

export function GrantDialog({
  account: { id, tier },
  status: { limits },
  policy,
  makeChange,
  onClose,
}: DialogProps) {
  const documents = policy?.document.tiers[tier]?.limits ?? [];
  const names = [...new Set([...limits, ...documents].map((limit) => limit.name))];
  const [name, setName] = useState(names[0] ?? "");
  // What was typed; null as long as the usual amount is offered.
  const [typed, setTyped] = useState<string | null>(null);
  const [lastsMs, setLastsMs] = useState<number>(DAY_MS);
  const limit = limits.find((one) => one.name === name);
  const amount = typed ?? (limit ? String(usualExtra(limit)) : "");
  const isSlots =
    limit?.kind === "concurrency" || documents.some((one) => one.name === name && one.max !== undefined);
  const extra = Number(amount);
  const untilMs = Date.now() + lastsMs;
  return (
    <ActionDialog
      title={`Raise a limit of ${id}`}
      verb="Grant"
      effect={<Effect name={name} limit={limit} extra={extra} untilMs={untilMs} />}
      run={(_fields, reason) => {
        const body = { limit: name, amount: extra, until: new Date(untilMs).toISOString(), reason };
        return makeChange(call("POST", `${accountPath(id)}/grants`, parseGrant, { body }));
      }}
      done={() => `${id} has ${exact(extra)} more of ${name}.`}
      onClose={onClose}
    >
      <Choice
        label="Limit"
        options={names}
        value={name}
        onPick={(picked) => {
          setName(picked);
          setTyped(null);
        }}
      />
      <label>
        {isSlots ? "Extra slots" : "Extra tokens"}
        <input
          type="number"
          required
          min={isSlots ? 1 : 0.001}
          max={1e9}
          step={isSlots ? 1 : 0.001}
          value={amount}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <Choice label="For" options={DURATIONS} value={lastsMs} onPick={(ms) => setLastsMs(Number(ms))} />
    </ActionDialog>
  );
}

interface EffectProps {
  readonly name: string;
  /** Undefined for a limit that counts per key or per route. */
  readonly limit: LimitReading | undefined;
  readonly extra: number;
  readonly untilMs: number;
}

function Effect({ name, limit, extra, untilMs }: EffectProps) {
  if (!limit || !(extra > 0)) {
    return (
      <>
        Choose a limit and the extra amount{limit ? "" : ", for each key or route that it counts"}. It applies
        from the next request on.
      </>
    );
  }
  const raised = { ...limit, limit: limit.limit + extra };
  return (
    <>
      {name} has {leftText(limit, limit.remaining)} of {exact(limit.limit)} left. From the next request on it
      has {leftText(raised, limit.remaining + extra)} of {exact(raised.limit)} left, until{" "}
      <When iso={untilMs} />.
    </>
  );
}
