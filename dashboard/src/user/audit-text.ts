/** A change of an account in words: what was done, and what is different now. Pure: times are written by the caller's function. */
import type { AuditEntry } from "../shell/answers.ts";
import { isRecord } from "../shell/api-client.ts";
import { exact } from "../shell/format.ts";
import { parseNumbers } from "./account-api.ts";
import { numbersText } from "./limit-text.ts";
import { valueText as text } from "./value-text.ts";

/** Writes a moment, ISO 8601. */
type WriteTime = (iso: string) => string;

type Fields = Readonly<Record<string, unknown>>;

export interface AuditText {
  /** What was done, such as "Changed the tier". */
  readonly title: string;
  /** What is different; may be empty. */
  readonly lines: readonly string[];
}

/** The change in words. Of an action that this page does not know, its name and the fields that differ. */
export function auditText({ action, before, after }: AuditEntry, when: WriteTime): AuditText {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  switch (action) {
    case "account.create":
      return { title: "Created the account", lines: [`tier ${text(is["tier"])}`, ...nameLine({}, is)] };
    case "account.change":
      return accountChange(was, is);
    case "account.delete":
      return { title: "Deleted the account", lines: [`tier ${text(was["tier"])}, ${text(was["status"])}`] };
    case "account.unblock":
      return { title: "Lifted the block", lines: [] };
    case "account.reset":
      return { title: "Reset limits", lines: [resetLine(is["limits"])] };
    case "account.grant":
      return { title: "Raised a limit", lines: [grantLine(is, when)] };
    case "grant.revoke":
      return { title: "Revoked a grant", lines: [grantLine(was, when)] };
    case "key.create":
      return { title: "Issued a key", lines: [keyLine(is, when)] };
    case "key.rotate":
      return { title: "Rotated a key", lines: rotationLines(was, is, when) };
    case "key.revoke":
      return { title: "Revoked a key", lines: [keyName(was)] };
    case "portal.link":
      return { title: "Made a portal link", lines: [`works once, until ${when(text(is["until"]))}`] };
    case "portal.end":
      return {
        title: "Ended portal sessions",
        lines: [`links: ${text(was["links"])}, sessions: ${text(was["sessions"])}`],
      };
    case "billing.change":
      return { title: "Changed billing", lines: otherLines(billingOf(was), billingOf(is)) };
    case "credit.add":
      return {
        title: "Gave a credit",
        lines: [`${text(is["amount"])} ${text(is["currency"])} for ${text(is["source"])}`],
      };
    case "credit.remove":
      return { title: "Took back a credit", lines: [`for ${text(is["source"])}`, ...otherLines(was, is)] };
    default:
      return { title: titleOf(action), lines: otherLines(was, is) };
  }
}

/** "invoice.finalize" as "Invoice: finalize"; another action as it is. */
function titleOf(action: string): string {
  const [, object = "", verb = ""] = /^(invoice|credit_note)\.(\w+)$/.exec(action) ?? [];
  return object === ""
    ? action
    : `${object === "invoice" ? "Invoice" : "Credit note"}: ${verb.replace("_", " ")}`;
}

/** Fields that say nothing to people. */
const HIDDEN: ReadonlySet<string> = new Set(["id", "sha256"]);

function accountChange(was: Fields, is: Fields): AuditText {
  const isBlocked = is["status"] === "blocked";
  const changes = [
    ...(was["status"] === is["status"]
      ? []
      : [{ title: isBlocked ? "Blocked the user" : "Unblocked the user", lines: [] }]),
    ...(was["tier"] === is["tier"]
      ? []
      : [{ title: "Changed the tier", lines: [`${text(was["tier"])} → ${text(is["tier"])}`] }]),
    ...titled("Changed the next tier", nextTierLine(was, is)),
    ...titled("Renamed the account", nameLine(was, is)),
    ...titled("Changed overrides", overrideLines(fieldsOf(was["limits"]), fieldsOf(is["limits"]))),
  ];
  const [first] = changes;
  if (!first) return { title: "Changed nothing", lines: [] };
  if (changes.length === 1) return first;
  return {
    title: "Changed the account",
    lines: changes.flatMap(({ title, lines }) => (lines.length === 0 ? [title] : lines)),
  };
}

function titled(title: string, lines: readonly string[]): AuditText[] {
  return lines.length === 0 ? [] : [{ title, lines }];
}

function nameLine(was: Fields, is: Fields): string[] {
  const [old, now] = [text(was["name"]), text(is["name"])];
  if (old === now) return [];
  if (old === "") return [`name “${now}”`];
  return [now === "" ? `name “${old}” removed` : `name “${old}” → “${now}”`];
}

/** The tier from the next billing period on. */
function nextTierLine({ pendingTier: was }: Fields, { pendingTier: is }: Fields): string[] {
  if (text(was) === text(is)) return [];
  return [
    text(is) === ""
      ? `no longer ${text(was)} from the next period on`
      : `${text(is)} from the next period on`,
  ];
}

/** "minute: 100 per minute → 200 per minute", for each limit whose override differs. */
function overrideLines(was: Fields, is: Fields): string[] {
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((limit) => {
    const [old, now] = [numbersOf(was[limit]), numbersOf(is[limit])];
    if (old === now) return [];
    if (old === "") return [`${limit}: ${now} instead of the tier's`];
    return [now === "" ? `${limit}: the tier's again, was ${old}` : `${limit}: ${old} → ${now}`];
  });
}

function resetLine(limits: unknown): string {
  return Array.isArray(limits) ? `${limits.map(text).join(", ")} full again` : "all limits full again";
}

function grantLine(grant: Fields, when: WriteTime): string {
  const amount = grant["amount"];
  const extra = typeof amount === "number" ? exact(amount) : text(amount);
  return `${text(grant["limit"])}: +${extra} until ${when(text(grant["until"]))}`;
}

function keyLine(key: Fields, when: WriteTime): string {
  const { scopes, expiresAt } = key;
  const names = Array.isArray(scopes) ? scopes.map(text).join(", ") : "";
  return `${keyName(key)} for ${names}${typeof expiresAt === "string" ? `, until ${when(expiresAt)}` : ""}`;
}

function rotationLines(was: Fields, is: Fields, when: WriteTime): string[] {
  const until = was["expiresAt"];
  return [
    `${keyName(was)} → ${keyName(is)}`,
    ...(typeof until === "string" ? [`the old one works until ${when(until)}`] : []),
  ];
}

/** A key by its name and the beginning of its id. */
function keyName({ name, keyId }: Fields): string {
  const short = text(keyId).slice(0, 8);
  return text(name) === "" ? `key ${short}` : `“${text(name)}” (${short})`;
}

/** The fields of the customer beside the others. */
function billingOf({ customer, ...others }: Fields): Fields {
  return { ...others, ...fieldsOf(customer) };
}

function otherLines(was: Fields, is: Fields): string[] {
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((field) => {
    const [old, now] = [text(was[field]), text(is[field])];
    return old === now || HIDDEN.has(field)
      ? []
      : [`${field}: ${old === "" ? "none" : old} → ${now === "" ? "none" : now}`];
  });
}

function numbersOf(value: unknown): string {
  const numbers = parseNumbers(value);
  return numbers ? numbersText(numbers) : text(value);
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}
