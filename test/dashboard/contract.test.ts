/**
 * The dashboard's calls and the API's contract: what the page asks for exists, and what the contract says of the answers is what the
 * page can read. The examples of docs/openapi.json are typed by the schemas that real answers are held to (openapi-fuzz.test.ts).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseLog } from "../../dashboard/src/decisions/decision.ts";
import { parseOverview } from "../../dashboard/src/overview/overview-report.ts";
import {
  parseActivation,
  parseRevision,
  parseRevisionPage,
  parseVerdict,
} from "../../dashboard/src/policy/policy-api.ts";
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
  parsePolicy,
  parseStatus,
  parseUsage,
} from "../../dashboard/src/user/account-answers.ts";
import document from "../../docs/openapi.json" with { type: "json" };

const SOURCES = join(import.meta.dirname, "..", "..", "dashboard", "src");

interface Operation {
  readonly method: string;
  readonly path: string;
  /** Bodies of its good answers in JSON. */
  readonly examples: readonly unknown[];
}

/** Fields of JSON that is known to be of the form of OpenAPI. */
function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

const OPERATIONS = new Map<string, Operation>(
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => {
      const { operationId, responses } = fields(operation);
      const good = Object.entries(fields(responses)).filter(([status]) => status.startsWith("2"));
      const examples = good.flatMap(([, response]) =>
        Object.values(fields(fields(fields(fields(response)["content"])["application/json"])["examples"])),
      );
      return [
        String(operationId),
        { method: method.toUpperCase(), path, examples: examples.map((each) => fields(each)["value"]) },
      ];
    }),
  ),
);

function examplesOf(id: string): readonly unknown[] {
  return OPERATIONS.get(id)?.examples ?? [];
}

type Parse = (body: unknown) => unknown;

describe("what the contract says of an answer is what the page reads:", () => {
  it.each<[string, Parse]>([
    ["getAccount", parseAccount],
    ["changeAccount", parseChangedAccount],
    ["createAccount", parseNewAccount],
    ["grantExtra", parseGrant],
    ["resetAccount", parseAccount],
    ["getAccountStatus", parseStatus],
    ["getUsage", parseUsage],
    ["getAudit", parseAudit],
    ["listKeys", parseKeys],
    ["createKey", parseNewKey],
    ["rotateKey", parseNewKey],
    ["revokeKey", parseKey],
    ["getPolicy", parsePolicy],
    ["getPolicy", parseRevision],
    ["getRevision", parseRevision],
    ["putPolicy", parseActivation],
    ["activateRevision", parseActivation],
    ["listRevisions", parseRevisionPage],
    ["validatePolicy", parseVerdict],
    ["simulatePolicy", parseSimulation],
  ])("%s", (id, parse) => {
    const examples = examplesOf(id);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(parse(example)).not.toBeNull();
  });

  it.each<[string, Parse]>([
    ["overview", parseOverview],
    ["decisions", parseLog],
  ])("the report %s", (name, parse) => {
    const examples = examplesOf("getReport").filter((example) => fields(example)["report"] === name);
    expect(examples.length).toBe(1);
    for (const example of examples) expect(parse(example)).not.toBeNull();
  });
});

describe("every address of the API in the page's sources", () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  const literals = files.flatMap((name) =>
    [...readFileSync(join(SOURCES, name), "utf8").matchAll(/["`](\/(?:api|health|ready)[^"`\s]*)["`]/g)].map(
      ([, address = ""]) => ({ name, address }),
    ),
  );
  const paths = [...OPERATIONS.values()].map(({ path }) => path);

  it("is one of the contract", () => {
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

/** Whether a concrete path, as `/reports/user`, is of the template. */
function matches(template: string, path: string): boolean {
  return new RegExp(`^${template.replaceAll(/\{[^}]*\}/g, "[^/]+")}$`).test(path);
}
