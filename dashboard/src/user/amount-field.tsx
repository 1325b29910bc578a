/** The field `amount` of a form: an amount of money. */

interface Props {
  readonly label: string;
  readonly first?: string | null;
  readonly isRequired?: boolean;
  /** It can be negative. */
  readonly isSigned?: boolean;
}

export function AmountField({ label, first, isRequired = false, isSigned = false }: Props) {
  return (
    <label>
      {label}
      <input
        name="amount"
        inputMode={isSigned ? "text" : "decimal"}
        pattern={String.raw`${isSigned ? "-?" : ""}\d{1,12}(\.\d{1,12})?`}
        title="An amount such as 200 or 0.50"
        required={isRequired}
        defaultValue={first ?? ""}
        autocomplete="off"
      />
    </label>
  );
}
