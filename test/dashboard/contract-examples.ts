/** The operations of docs/openapi.json with the examples of their answers, against which the guards of both pages are tested. */
import document from "../../docs/openapi.json" with { type: "json" };

interface Operation {
  readonly method: string;
  readonly path: string;
  /** The JSON bodies of its successful answers. */
  readonly examples: readonly unknown[];
}

/** The fields of an OpenAPI object. */
export function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** By operation id. */
export const OPERATIONS = new Map<string, Operation>(
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

export function examplesOf(id: string): readonly unknown[] {
  return OPERATIONS.get(id)?.examples ?? [];
}
