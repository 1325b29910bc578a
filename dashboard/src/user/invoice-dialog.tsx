/** The dialog of a step of an invoice: it says what the step means, and asks for what it needs. */
import { type Invoice, invoicePath, majorOf, parseInvoice, parseLines } from "../billing/invoice-api.ts";
import { Choice } from "../kit/choice.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { fieldOf } from "../shell/field-of.ts";
import { usePolled } from "../shell/use-polled.ts";
import { AmountField } from "./amount-field.tsx";
import type { DialogProps } from "./dialog-props.ts";
import { type InvoiceStep, STEPS } from "./invoice-steps.ts";

interface Props extends Pick<DialogProps, "makeChange" | "onClose"> {
  /** The account's. */
  readonly id: string;
  readonly invoice: Invoice;
  readonly step: InvoiceStep;
}

export function InvoiceDialog({ id, invoice, step, makeChange, onClose }: Props) {
  const { verb, path, effect, isDangerous } = STEPS[step];
  const { number, total, currency } = invoice;
  const name = number ?? `the draft of ${total} ${currency}`;
  const address = invoicePath(id, invoice.id);
  const whole = usePolled(step === "credit" ? address : null, parseLines, null).value;
  const lines = whole?.document.lines ?? [];
  const exponent = whole?.document.exponent ?? 0;
  return (
    <ActionDialog
      title={`${verb}: ${name}`}
      verb={verb}
      isDangerous={isDangerous === true}
      effect={effect}
      run={(fields, reason) => {
        const amount = fieldOf(fields, "amount");
        const more = {
          adjust: { lines: [{ description: fieldOf(fields, "description"), amount }] },
          credit: { lines: [{ line: Number(fields.get("line")), amount }] },
          lose: { uncollectible: true },
          finalize: {},
          pay: {},
          void: {},
          stripe: {},
        }[step];
        return makeChange(call("POST", `${address}/${path}`, parseInvoice, { body: { ...more, reason } }));
      }}
      done={(value) => {
        if (step === "stripe") return `${name} is sent to Stripe again. If it fails, its status says why.`;
        const after = parseInvoice(value);
        return `${after?.number ?? "It"} is ${after?.status.replace("_", " ") ?? "changed"}: ${after?.total ?? ""} ${currency}, ${after?.open ?? ""} open.`;
      }}
      onClose={onClose}
    >
      {step === "adjust" && (
        <label>
          Line
          <input name="description" required maxLength={200} autocomplete="off" />
        </label>
      )}
      {step === "credit" && (
        <Choice
          label="Line"
          name="line"
          options={lines.map(
            ({ description, minor }, i) => [i, `${description}: ${majorOf(minor, exponent)}`] as const,
          )}
        />
      )}
      {(step === "adjust" || step === "credit") && (
        <AmountField label={`Amount in ${currency}, before tax`} isRequired isSigned={step === "adjust"} />
      )}
    </ActionDialog>
  );
}
