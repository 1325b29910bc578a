/** Why a request was denied: the decision log, by request id or by filters, with links to the dashboard. */
import { type Command, type Context, field, type Option, rowsOf, table } from "./command.ts";
import { FAILED, OK } from "./failure.ts";

const text = (value: string, help: string): Option => ({ type: "string", value, help });

export const DECISION_COMMANDS: readonly Command[] = [
  {
    name: "decisions",
    summary: "Show decisions and errors, newest first, with the reason of each denial",
    details: "With --request-id, exits 1 if the log has no such request.",
    options: {
      "request-id": text("<id>", "X-Request-Id of a response, or decisionId of a decision"),
      account: text("<id>", "a user's id, or a subject such as ip:192.0.2.1"),
      outcome: text("<outcome>", "allowed, denied, turned_away or error"),
      reason: text("<reason>", "such as the name of a limit"),
      from: text("<time>", "a time, or a date for its first moment (an hour ago; by request id, a day)"),
      to: text("<time>", "exclusive; default: now"),
      limit: text("<n>", "at most so many (20)"),
    },
    run: decisions,
  },
];

const COLUMNS = ["at", "account", "route", "tier", "outcome", "reason", "cost", "source", "limits"];

async function decisions({ options, deployment, out }: Context): Promise<number> {
  const id = options.text("request-id");
  const query = {
    requestId: id,
    account: options.text("account"),
    outcome: options.text("outcome"),
    reason: options.text("reason"),
    from: options.text("from"),
    to: options.text("to"),
    limit: options.text("limit") ?? "20",
  };
  const target = deployment();
  const { body } = await target.call("/reports/decisions", { query });
  const found = rowsOf(body, "decisions");
  const linkOf = (requestId: string): string => {
    const url = new URL("/dashboard/decision", target.url);
    url.searchParams.set("id", requestId);
    return url.href;
  };
  const links = found.map((each) => linkOf(field(each, "requestId")));
  out.result({ ...body, links }, () => [
    ...table(
      COLUMNS,
      found.map((each) => COLUMNS.map((name) => field(each, name))),
    ),
    ...found.filter((each) => Number(field(each, "requests")) > 1).map(mergedText),
    ...new Set(links),
  ]);
  if (id === undefined || found.length > 0) return OK;
  const { notFound }: { notFound?: unknown } = body;
  out.note(
    `the log has no such request. It begins at ${field(notFound, "logBegins")}. ${field(notFound, "detail")}`,
  );
  return FAILED;
}

function mergedText(decision: unknown): string {
  return `${field(decision, "requestId")} stands for ${field(decision, "requests")} equal requests, which were merged`;
}
