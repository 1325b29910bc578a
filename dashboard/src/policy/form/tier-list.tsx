/** The tiers of the draft: what each allows, how many accounts have it, and its fields. */
import { useState } from "preact/hooks";
import { counted } from "../../shell/format.ts";
import { isRecord } from "../../shell/api-client.ts";
import { Link } from "../../shell/page.tsx";
import { setField } from "../editor/json-edits.ts";
import { childPointer, valueAt } from "../editor/json-pointer.ts";
import { limitWords } from "../limit-words.ts";
import { accountsOf } from "../activation-api.ts";
import { FieldList } from "./field-list.tsx";
import { useForm } from "./form-context.ts";
import { LimitList } from "./limit-list.tsx";
import { OtherFields } from "./other-fields.tsx";

const LABELS = {
  mode: "Mode",
  durability: "Durability",
  onLimiterFailure: "If the limiter fails",
  shadow: "In shadow",
};
/** The fields of a tier that the form has a place for. */
const TIER_FIELDS = [...Object.keys(LABELS), "limits"];
const NAME = "[a-z][a-z0-9_\\-]{0,31}";

export function TierList() {
  const { json, uses } = useForm();
  const tiers = valueAt(json.value, "/tiers");
  if (!isRecord(tiers)) return null;
  return (
    <section aria-label="Tiers" class="parts">
      <h2>Tiers</h2>
      {Object.entries(tiers).map(([name, tier]) => (
        <Tier key={name} name={name} tier={tier} accounts={accountsOf(uses, name)} />
      ))}
      <NewTier taken={Object.keys(tiers)} />
    </section>
  );
}

interface TierProps {
  readonly name: string;
  readonly tier: unknown;
  readonly accounts: number | null;
}

function Tier({ name, tier, accounts }: TierProps) {
  const { apply } = useForm();
  const pointer = childPointer("/tiers", name);
  return (
    <details class="part">
      <summary>
        <strong>{name}</strong>
        <span class="quiet">{tierSummary(tier)}</span>
        {accounts !== null && accounts > 0 && <span>{accountsText(accounts)}</span>}
      </summary>
      <div class="part-body">
        {accounts !== null && accounts > 0 && (
          <span>
            <Link to={{ screen: "user", params: { tier: name } }}>Show its {accountsText(accounts)}</Link>
          </span>
        )}
        <LimitList pointer={pointer} />
        <FieldList pointer={pointer} labels={LABELS} />
        <OtherFields pointer={pointer} except={TIER_FIELDS} />
        <div class="buttons start">
          <button
            type="button"
            class="small danger"
            onClick={() => apply((known) => setField(known, "/tiers", name, undefined))}
          >
            Remove tier {name}
          </button>
        </div>
      </div>
    </details>
  );
}

function accountsText(accounts: number): string {
  return counted(accounts, "account");
}

function tierSummary(tier: unknown): string {
  const limits = isRecord(tier) ? tier["limits"] : null;
  if (!Array.isArray(limits)) return "";
  if (limits.length === 0) return "unlimited";
  return limits.map((limit) => (isRecord(limit) ? limitWords(limit) : "?")).join(" · ");
}

function NewTier({ taken }: { readonly taken: readonly string[] }) {
  const { apply } = useForm();
  const [name, setName] = useState("");
  const isTaken = taken.includes(name);
  return (
    <form
      class="new-part"
      onSubmit={(event) => {
        event.preventDefault();
        if (isTaken || name === "") return;
        const limit = { name: "minute", kind: "bucket", tokens: 100, per: "minute" };
        apply((known) => setField(known, "/tiers", name, { limits: [limit] }));
        setName("");
      }}
    >
      <input
        aria-label="Name of a new tier"
        placeholder="new-tier"
        pattern={NAME}
        title="1 to 32 of a-z, 0-9, _ and -, beginning with a letter"
        maxLength={32}
        autocomplete="off"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <button class="small" disabled={name === "" || isTaken}>
        Add tier
      </button>
    </form>
  );
}
