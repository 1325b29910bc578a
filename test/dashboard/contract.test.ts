/**
 * The dashboard against the API's contract: the paths it calls exist, and its guards accept the answers in the contract. The examples
 * in docs/openapi.json have the types of the schemas that real answers are checked against (openapi-fuzz.test.ts).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseUsers } from "../../dashboard/src/accounts/users-api.ts";
import { parseInvoiced, parseRunning } from "../../dashboard/src/billing/board-api.ts";
import {
  parseInvoice,
  parseInvoices,
  parseLines,
  parseRegister,
} from "../../dashboard/src/billing/invoice-api.ts";
import { parseLog, parseValues } from "../../dashboard/src/decisions/decision-guards.ts";
import { parseOverview } from "../../dashboard/src/overview/overview-report.ts";
import { parseNewRevision, parseVerdict } from "../../dashboard/src/policy/activation-api.ts";
import { parseRevision, parseRevisionPage } from "../../dashboard/src/policy/policy-api.ts";
import { parseUses } from "../../dashboard/src/policy/uses-api.ts";
import { parseShadowReport } from "../../dashboard/src/shell/rankings.ts";
import { parseSession } from "../../dashboard/src/shell/session.ts";
import { parseSimulation } from "../../dashboard/src/simulator/simulation.ts";
import {
  parseAccount,
  parseAudit,
  parseGrant,
  parseKey,
  parseKeys,
  parseChangedAccount,
  parseNewAccount,
  parseNewKey,
  parseTiers,
  parseStatus,
  parseUsage,
} from "../../dashboard/src/user/account-api.ts";
import {
  parseBilling,
  parseChangedTier,
  parseCredit,
  parseCredits,
  parsePreview,
  parseRemovedCredit,
} from "../../dashboard/src/user/billing-api.ts";
import { parseEndedPortal, parsePortalLink } from "../../dashboard/src/user/portal-dialog.tsx";
import {
  parseDeliveries,
  parseDelivery,
  parseEndpoint,
  parseEndpoints,
  parseTest,
} from "../../dashboard/src/webhooks/webhook-api.ts";
import { HOMES } from "../../dashboard/src/user/homes.ts";
import document from "../../docs/openapi.json" with { type: "json" };
import { examplesOf, fields, OPERATIONS } from "./contract-examples.ts";

const SOURCES = join(import.meta.dirname, "..", "..", "dashboard", "src");

type Parse = (body: unknown) => unknown;

describe("the page accepts the example answers of", () => {
  it.each<[string, Parse]>([
    ["getSession", parseSession],
    ["listWebhooks", parseEndpoints],
    ["createWebhook", parseEndpoint],
    ["changeWebhook", parseEndpoint],
    ["rotateWebhook", parseEndpoint],
    ["testWebhook", parseTest],
    ["listDeliveries", parseDeliveries],
    ["replayDelivery", parseDelivery],
    ["createSession", parseSession],
    ["getAccount", parseAccount],
    ["listUsers", parseUsers],
    ["changeAccount", parseChangedAccount],
    ["createAccount", parseNewAccount],
    ["grantExtra", parseGrant],
    ["revokeGrant", parseGrant],
    ["resetAccount", parseAccount],
    ["getAccountStatus", parseStatus],
    ["getUsage", parseUsage],
    ["getBilling", parseBilling],
    ["changeBilling", parseBilling],
    ["changeTier", parseChangedTier],
    ["previewTier", parsePreview],
    ["addCredit", parseCredit],
    ["listCredits", parseCredits],
    ["removeCredit", parseRemovedCredit],
    ["listInvoices", parseInvoices],
    ["getInvoice", parseInvoice],
    ["getInvoice", parseLines],
    ["adjustInvoice", parseInvoice],
    ["finalizeInvoice", parseInvoice],
    ["createCreditNote", parseInvoice],
    ["markInvoicePaid", parseInvoice],
    ["voidInvoice", parseInvoice],
    ["sendInvoiceToStripe", parseInvoice],
    ["listDocuments", parseRegister],
    ["reportInvoiced", parseInvoiced],
    ["reportRunning", parseRunning],
    ["createPortalLink", parsePortalLink],
    ["endPortalSessions", parseEndedPortal],
    ["getAudit", parseAudit],
    ["listKeys", parseKeys],
    ["createKey", parseNewKey],
    ["rotateKey", parseNewKey],
    ["revokeKey", parseKey],
    ["getPolicy", parseTiers],
    ["getPolicy", parseRevision],
    ["getRevision", parseRevision],
    ["putPolicy", parseNewRevision],
    ["activateRevision", parseNewRevision],
    ["listRevisions", parseRevisionPage],
    ["validatePolicy", parseVerdict],
    ["listPolicyUses", parseUses],
    ["simulatePolicy", parseSimulation],
  ])("%s", (id, parse) => {
    const examples = examplesOf(id);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(parse(example)).not.toBeNull();
  });

  it.each<[string, Parse]>([
    ["overview", parseOverview],
    ["shadow-denials", parseShadowReport],
    ["decisions", parseLog],
    ["values", parseValues],
  ])("the report %s", (name, parse) => {
    const examples = examplesOf("getReport").filter((example) => fields(example)["report"] === name);
    expect(examples.length).toBe(1);
    for (const example of examples) expect(parse(example)).not.toBeNull();
  });
});

it("an account can be created in every region that the API takes", () => {
  const { post } = document.paths["/api/v1/admin/accounts"];
  const { home } = post.requestBody.content["application/json"].schema.properties;
  expect(Object.keys(HOMES)).toEqual(home.enum);
});

describe("every API path in the page's sources", () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  const literals = files.flatMap((name) =>
    [...readFileSync(join(SOURCES, name), "utf8").matchAll(/["`](\/(?:api|health|ready)[^"`\s]*)["`]/g)].map(
      ([, address = ""]) => ({ name, address }),
    ),
  );
  const paths = [...OPERATIONS.values()].map(({ path }) => path);

  it("is in the contract", () => {
    expect(literals.length).toBeGreaterThan(10);
    const unknown = literals.filter(({ address }) => {
      const [path = ""] = address.replaceAll(/\$\{[^}]*\}/g, "{}").split("?");
      return !paths.some(
        (known) => known.replaceAll(/\{[^}]*\}/g, "{}") === path || known === path || matches(known, path),
      );
    });
    expect(unknown).toEqual([]);
  });
});

/** Whether a concrete path, such as `/reports/user`, matches the template. */
function matches(template: string, path: string): boolean {
  return new RegExp(`^${template.replaceAll(/\{[^}]*\}/g, "[^/]+")}$`).test(path);
}
