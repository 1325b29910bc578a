/** docs/openapi.json: valid, up to date, and consistent with its own schemas. */
import { describe, expect, it } from "vitest";
import { parseBy } from "../../src/policy/fault.ts";
import { CONTRACT } from "../../src/api/contract.ts";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { openApiDocument } from "../../openapi/document.ts";
import { version } from "../../package.json";
import { document, documentFaults, OPERATIONS, schemaFaults } from "../fixtures/fuzz-document.ts";

describe("docs/openapi.json", () => {
  it("is valid OpenAPI 3.1, and its schemas are valid JSON Schema", async () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(await documentFaults()).toEqual([]);
  });

  it("is up to date with the contract (if not: npm run openapi)", async () => {
    const made: unknown = JSON.parse(JSON.stringify(await openApiDocument(version)));
    expect(document).toEqual(made);
  });

  it("refers only to existing components, and has no unused ones", () => {
    const text = JSON.stringify(document);
    const references = new Set([...text.matchAll(/"#\/components\/([^"]+)"/g)].map(([, name = ""]) => name));
    const { schemas, responses } = document.components;
    const components = [
      ...Object.keys(schemas).map((name) => `schemas/${name}`),
      ...Object.keys(responses).map((name) => `responses/${name}`),
    ];
    expect([...references].filter((name) => !name.startsWith("headers/")).toSorted()).toEqual(
      components.toSorted(),
    );
  });
});

describe.each(OPERATIONS.map((operation) => [operation.id, operation] as const))("%s", (id, operation) => {
  it("has examples, and each matches its schema", async () => {
    const answers = [...operation.answers.values()].map(({ bodies }) => bodies);
    const bodies = [operation.bodies, ...answers].flatMap((contents) => Array.from(contents.values()));
    for (const { pointer, examples } of bodies) {
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) expect(await schemaFaults(pointer, example)).toEqual([]);
    }
    for (const { schema, example, name } of operation.parameters) {
      if (example !== undefined && schema["pattern"] !== undefined)
        expect([name, new RegExp(String(schema["pattern"])).test(example)]).toEqual([name, true]);
    }
  });

  it("accepts its own examples", () => {
    const endpoint: Endpoint | undefined = Object.entries<Endpoint>(CONTRACT).find(
      ([other]) => other === id,
    )?.[1];
    const examples = operation.bodies.get("application/json")?.examples ?? [];
    expect(examples.length > 0).toBe(endpoint?.body !== undefined);
    for (const example of examples) {
      expect(endpoint?.body && parseBy(endpoint.body, example)).toEqual({ ok: true, value: example });
    }
  });
});
