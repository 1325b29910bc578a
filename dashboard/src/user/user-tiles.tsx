/** What a user has used today, from the exact ledger. Each figure leads to its decisions. */
import { useMemo } from "preact/hooks";
import { Tile, Tiles } from "../kit/tile.tsx";
import type { UserStatus } from "../shell/answers.ts";
import { DAY_MS } from "../shell/durations.ts";
import { count, percent } from "../shell/format.ts";
import type { PageAddress } from "../shell/page-address.ts";
import { spansText } from "./limit-text.ts";

interface Props {
  readonly id: string;
  readonly status: UserStatus;
}

export function UserTiles({ id, status: { usage } }: Props) {
  const { hour, day, month } = usage;
  const dayNumber = Math.floor(Date.now() / DAY_MS);
  const to = useMemo(() => decisionsOf(id, dayNumber * DAY_MS), [id, dayNumber]);
  const decided = day.requests + day.denied;
  return (
    <Tiles>
      <Tile
        name={month.units ? "Requests charged today" : "Tokens today"}
        value={count(day.cost)}
        detail={spansText(hour.cost, day.cost, month.cost)}
        to={to("allowed")}
      />
      <Tile
        name="Allowed today"
        value={count(day.requests)}
        detail={spansText(hour.requests, day.requests, month.requests)}
        to={to("allowed")}
      />
      <Tile
        name="Denied today"
        value={count(day.denied)}
        detail={
          day.denied === 0
            ? spansText(hour.denied, day.denied, month.denied)
            : `${percent(day.denied, decided)} of decided · ${spansText(hour.denied, day.denied, month.denied)}`
        }
        tone={day.denied > 0 ? "denied" : "info"}
        to={to("denied")}
      />
      {Object.keys(month.units ?? {}).map((unit) => {
        const [now = 0, today = 0, all = 0] = [hour, day, month].map(({ units }) => units?.[unit]);
        return (
          <Tile
            key={unit}
            name={`${unit} today`}
            value={count(today)}
            detail={spansText(now, today, all)}
            to={to("allowed")}
          />
        );
      })}
    </Tiles>
  );
}

/** The decisions on this user of the UTC day that begins at `fromMs`: the ledger's day. */
function decisionsOf(id: string, fromMs: number): (outcome: string) => PageAddress {
  const [from, to] = [fromMs, fromMs + DAY_MS].map((ms) => new Date(ms).toISOString());
  return (outcome) => ({
    screen: "decisions",
    params: { account: `user:${id}`, outcome, from: from ?? "", to: to ?? "" },
  });
}
