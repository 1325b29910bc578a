/** The dialog that grants extra capacity of a limit for a time. */
import { DAY_MS, HOUR_MS } from "../shell/durations.ts";
import { useState } from "preact/hooks";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { exact } from "../shell/format.ts";
import { Time } from "../shell/time.tsx";
import { accountPath, parseGrant } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";

const DURATIONS = [
  ["1 hour", HOUR_MS],
  ["1 day", DAY_MS],
  ["7 days", 7 * DAY_MS],
  ["30 days", 30 * DAY_MS],
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
  const [amount, setAmount] = useState("");
  const [lastsMs, setLastsMs] = useState<number>(DURATIONS[1][1]);
  const limit = limits.find((one) => one.name === name);
  const isSlots =
    limit?.kind === "concurrency" || documents.some((one) => one.name === name && one.max !== undefined);
  const extra = Number(amount);
  const untilMs = Date.now() + lastsMs;
  return (
    <ActionDialog
      title={`Grant ${id} extra`}
      verb="Grant"
      effect={
        limit && extra > 0 ? (
          <>
            {name} has {exact(limit.remaining)} of {exact(limit.limit)} left. It will have{" "}
            {exact(limit.remaining + extra)} of {exact(limit.limit + extra)} left, until <Time at={untilMs} />
            .
          </>
        ) : (
          `Choose a limit and the extra amount${limit ? "" : ", for each key or route that it counts"}. It applies from the next request on.`
        )
      }
      run={(_fields, reason) => {
        const body = { limit: name, amount: extra, until: new Date(untilMs).toISOString(), reason };
        return makeChange(call("POST", `${accountPath(id)}/grants`, parseGrant, { body }));
      }}
      done={() => `${id} has ${exact(extra)} more of ${name}.`}
      onClose={onClose}
    >
      <label>
        Limit
        <select value={name} onChange={(event) => setName(event.currentTarget.value)}>
          {names.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label>
        {isSlots ? "Extra slots" : "Extra tokens"}
        <input
          type="number"
          required
          min={isSlots ? 1 : 0.001}
          max={1e9}
          step={isSlots ? 1 : 0.001}
          value={amount}
          onInput={(event) => setAmount(event.currentTarget.value)}
        />
      </label>
      <label>
        For
        <select value={lastsMs} onChange={(event) => setLastsMs(Number(event.currentTarget.value))}>
          {DURATIONS.map(([text, ms]) => (
            <option key={ms} value={ms}>
              {text}
            </option>
          ))}
        </select>
      </label>
    </ActionDialog>
  );
}
