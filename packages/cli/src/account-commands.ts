/** Accounts, their keys and their usage, for people at a terminal. */
import { type Command, type Context, field, type Option, REASON_OPTION, rowsOf, table } from "./command.ts";
import { importAccounts, IMPORT_DETAILS } from "./account-import.ts";
import { OK, UsageFailure } from "./failure.ts";

const text = (value: string, help: string): Option => ({ type: "string", value, help });
const ERASE_DETAILS = `With --erase, names, texts, the customer's details and the user's points are erased, also of an account that was
deleted earlier, and --reason is not stored. The ledger and numbered invoices remain. Repeating it changes nothing.`;
const LIMIT = text("<n>", "at most so many (50)");

export const ACCOUNT_COMMANDS: readonly Command[] = [
  {
    name: "accounts list",
    summary: "List accounts",
    options: {
      tier: text("<tier>", "only of this tier"),
      status: text("<status>", "active or blocked"),
      name: text("<text>", "whose id or name has this text"),
      limit: LIMIT,
    },
    run: listAccounts,
  },
  {
    name: "accounts show",
    arguments: ["id"],
    summary: "Show an account, what is left of its limits, and its keys",
    options: {},
    run: showAccount,
  },
  {
    name: "accounts create",
    arguments: ["id"],
    summary: "Create an account",
    options: {
      name: text("<text>", "for people"),
      tier: text("<tier>", "default: the policy's default tier"),
      home: text("<region>", "where the account's object is created, such as weur"),
      reason: REASON_OPTION,
    },
    run: createAccount,
  },
  {
    name: "accounts delete",
    arguments: ["id"],
    summary: "Delete an account: its keys stop at once, its ledger remains",
    details: ERASE_DETAILS,
    options: {
      erase: { type: "boolean", value: "", help: "also erase the user's personal data" },
      unblock: { type: "boolean", value: "", help: "also lift the account's block" },
      reason: REASON_OPTION,
    },
    run: deleteAccount,
  },
  {
    name: "accounts import",
    arguments: ["file"],
    summary: "Import accounts and their keys from another system, as NDJSON",
    details: IMPORT_DETAILS,
    options: { reason: REASON_OPTION },
    run: importAccounts,
  },
  {
    name: "keys list",
    arguments: ["account"],
    summary: "List an account's keys",
    options: {},
    run: listKeys,
  },
  {
    name: "keys create",
    arguments: ["account"],
    summary: "Issue a key, which is shown only now",
    options: {
      name: text("<text>", "for people"),
      scopes: text("<list>", "call, check, or call,check (call)"),
      mode: text("<mode>", "live or test (live)"),
      expires: text("<time>", "when it stops, such as 2027-01-31T00:00:00Z"),
      reason: REASON_OPTION,
    },
    run: createKey,
  },
  {
    name: "keys rotate",
    arguments: ["account", "key id"],
    summary: "Replace a key with a new one, which is shown only now",
    options: {
      grace: text("<seconds>", "how long the old key still works (86400)"),
      reason: REASON_OPTION,
    },
    run: rotateKey,
  },
  {
    name: "keys revoke",
    arguments: ["account", "key id"],
    summary: "Revoke a key at once",
    options: { reason: REASON_OPTION },
    run: revokeKey,
  },
  {
    name: "usage",
    arguments: ["account"],
    summary: "Show an account's usage from its exact ledger",
    options: {
      from: text("<time>", "a time, or a date for its first moment; default: this month"),
      to: text("<time>", "exclusive; default: now"),
      granularity: text("<unit>", "hour, day, week or month; default: day"),
      by: text("<names>", "one row per route, key or unit, or per combination: route,key"),
      limit: text("<n>", "at most so many rows (1000)"),
    },
    run: usage,
  },
];

const accountPath = (context: Context, name = "id"): string =>
  `/accounts/${encodeURIComponent(context.arguments[name] ?? "")}`;

async function listAccounts({ options, deployment, out }: Context): Promise<number> {
  const query = {
    tier: options.text("tier"),
    status: options.text("status"),
    name: options.text("name"),
    limit: options.text("limit"),
  };
  const { body } = await deployment().call("/accounts", { query });
  const accounts = rowsOf(body, "accounts");
  out.result(body, () => [
    ...table(
      ["id", "tier", "status", "name"],
      accounts.map((each) => ["id", "tier", "status", "name"].map((name) => field(each, name))),
    ),
    ...(body["cursor"] === null ? [] : [`(the first ${accounts.length}; narrow the list, or raise --limit)`]),
  ]);
  return OK;
}

async function showAccount(context: Context): Promise<number> {
  const path = accountPath(context);
  const deployment = context.deployment();
  const [account, status, keys] = await Promise.all(
    ["", "/status", "/keys"].map(async (each) => (await deployment.call(`${path}${each}`)).body),
  );
  context.out.result({ account, status, keys: rowsOf(keys, "keys") }, () => [
    ...table(
      ["id", "tier", "status", "name"],
      [["id", "tier", "status", "name"].map((name) => field(account, name))],
    ),
    "",
    ...table(
      ["limit", "left", "of"],
      rowsOf(status, "limits").map((each) => ["name", "remaining", "limit"].map((name) => field(each, name))),
    ),
    "",
    ...keyLines(keys),
  ]);
  return OK;
}

async function createAccount(context: Context): Promise<number> {
  const { options, out } = context;
  const body = given({
    id: context.arguments["id"],
    name: options.text("name"),
    tier: options.text("tier"),
    home: options.text("home"),
    reason: options.text("reason"),
  });
  const made = await context.deployment().call("/accounts", { method: "POST", body });
  out.result(made.body, () => [`created ${field(made.body, "id")} (${field(made.body, "tier")})`]);
  return OK;
}

async function deleteAccount(context: Context): Promise<number> {
  const { options, out } = context;
  const isErased = options.has("erase");
  const query = {
    erase: isErased ? "true" : undefined,
    unblock: options.has("unblock") ? "true" : undefined,
    reason: options.text("reason"),
  };
  const { body } = await context.deployment().call(accountPath(context), { method: "DELETE", query });
  const id = context.arguments["id"] ?? "";
  const pending = rowsOf(body, "pending").join(", ");
  const erased = `erased ${id} at ${field(body, "erasedAt")}${pending === "" ? "" : `; erased later: ${pending}`}`;
  out.result(isErased ? body : { id }, () => [isErased ? erased : `deleted ${id}`]);
  return OK;
}

function keyLines(body: unknown): string[] {
  const names = ["keyId", "name", "scopes", "mode", "expiresAt", "revokedAt", "lastUsedAt"];
  const rows = rowsOf(body, "keys").map((key) =>
    names.map((name) => (name === "scopes" ? rowsOf(key, name).join(",") : field(key, name))),
  );
  return table(["key", "name", "scopes", "mode", "expires", "revoked", "last used"], rows);
}

async function listKeys(context: Context): Promise<number> {
  const { body } = await context.deployment().call(`${accountPath(context, "account")}/keys`);
  context.out.result(body, () => keyLines(body));
  return OK;
}

async function createKey(context: Context): Promise<number> {
  const { options, out } = context;
  const body = given({
    name: options.text("name"),
    scopes: options.text("scopes")?.split(","),
    mode: options.text("mode"),
    expiresAt: options.text("expires"),
    reason: options.text("reason"),
  });
  const path = `${accountPath(context, "account")}/keys`;
  const made = await context.deployment().call(path, { method: "POST", body });
  out.result(made.body, () => [field(made.body, "key")]);
  out.note(`issued ${field(made.body, "keyId")}; the key is not shown again`);
  return OK;
}

async function rotateKey(context: Context): Promise<number> {
  const { options, out } = context;
  const grace = options.text("grace");
  if (grace !== undefined && !/^\d{1,9}$/.test(grace)) throw new UsageFailure("--grace takes seconds");
  const body = given({
    graceSeconds: grace === undefined ? undefined : Number(grace),
    reason: options.text("reason"),
  });
  const made = await context.deployment().call(`${keyPath(context)}/rotate`, { method: "POST", body });
  out.result(made.body, () => [field(made.body, "key")]);
  out.note(`issued ${field(made.body, "keyId")}; the key is not shown again`);
  return OK;
}

async function revokeKey(context: Context): Promise<number> {
  const query = { reason: context.options.text("reason") };
  const { body } = await context.deployment().call(keyPath(context), { method: "DELETE", query });
  context.out.result(body, () => [`revoked ${field(body, "keyId")}`]);
  return OK;
}

function keyPath(context: Context): string {
  return `${accountPath(context, "account")}/keys/${encodeURIComponent(context.arguments["key id"] ?? "")}`;
}

/** What usage can be divided by. */
const GROUPS = ["route", "key", "unit"];

async function usage(context: Context): Promise<number> {
  const { options, out } = context;
  const by = options.text("by");
  if (by !== undefined && !by.split(",").every((name) => GROUPS.includes(name))) {
    throw new UsageFailure(
      `--by takes ${GROUPS.join(", ")} or several of them with commas between, such as route,key`,
    );
  }
  const query = {
    from: options.text("from"),
    to: options.text("to"),
    granularity: options.text("granularity"),
    limit: options.text("limit"),
    group: by,
  };
  const { body } = await context.deployment().call(`${accountPath(context, "account")}/usage`, { query });
  const names = ["period", ...(by?.split(",") ?? []), "requests", "cost", "denied"];
  const rows = rowsOf(body, "usage");
  out.result(body, () => [
    ...table(
      names,
      rows.map((row) => names.map((name) => field(row, name))),
    ),
    ...(body["cursor"] === null ? [] : [`(the first ${rows.length} rows; raise --limit)`]),
  ]);
  return OK;
}

/** Without what is undefined. */
function given(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
