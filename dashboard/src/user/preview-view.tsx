/** What a change of tier costs: the open period without and with it, and the next one. */
import { Failed, Loading } from "../kit/state.tsx";
import type { ApiOutcome } from "../shell/api-client.ts";
import { exact } from "../shell/format.ts";
import { BillTable } from "./bill-table.tsx";
import type { Preview } from "./billing-api.ts";

export function PreviewView({ of: outcome }: { readonly of: ApiOutcome<Preview> | null }) {
  if (outcome?.kind === "failed") return <Failed>{outcome.detail}</Failed>;
  if (outcome?.kind !== "ok") return <Loading rows={5} />;
  const { currency, before, after, next, allowance } = outcome.value;
  return (
    <>
      <p>
        {allowance &&
          `Of ${allowance.limit}, ${exact(allowance.included)} tokens are included in this period, and ${
            allowance.amount === null ? "nothing stops more" : `requests stop at ${exact(allowance.amount)}`
          }. `}
        In {currency}, if no usage follows:
      </p>
      <BillTable
        label="What it costs"
        bills={[
          ["As it is", before],
          ["Changed", after],
          ["Next period", next],
        ]}
      />
    </>
  );
}
