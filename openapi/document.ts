/**
 * The OpenAPI document of the API: the contract with its schemas, and what responses.ts says of it. The same input gives the
 * same document. scripts/openapi.ts writes it to docs/openapi.json.
 */
import { CONTRACT, type Endpoint, type EndpointId } from "../src/api/contract.ts";
import { HEADERS } from "./headers.ts";
import { operation } from "./operation.ts";
import { templateOf } from "./parameters.ts";
import { ProblemResponses } from "./problem-responses.ts";
import { RESPONSES } from "./responses.ts";
import { type JsonObject, SchemaBook } from "./schema-book.ts";
import { SECURITY_SCHEMES } from "./security.ts";
import { TAGS } from "./tags.ts";

/** The newest that generators and Swagger UI read well; its schemas are plain JSON Schema 2020-12. */
const OPENAPI = "3.1.1";

const DESCRIPTION = `What is not under \`/api/v1\`, \`/docs\`, \`/dashboard\`, \`/health\` or \`/ready\` is matched against the policy's routes, limited
and forwarded upstream; this document is about the rest.

Every error is a problem (RFC 9457). Unknown fields of a body are refused, and so are unknown parameters where an endpoint
takes any. Other methods of a path are 405 with \`Allow\`.
A response of 500 is a bug; the logs know its \`requestId\`.`;

/** @param version of the product. */
export async function openApiDocument(version: string): Promise<JsonObject> {
  const book = new SchemaBook();
  const problems = new ProblemResponses();
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const id of Object.keys(CONTRACT).filter(isEndpointId)) {
    const endpoint: Endpoint = CONTRACT[id];
    const path = (paths[templateOf(endpoint.path)] ??= {});
    path[endpoint.method.toLowerCase()] = await operation(id, endpoint, RESPONSES[id], book, problems);
  }
  return {
    openapi: OPENAPI,
    info: {
      title: "Edge Limiter",
      version,
      summary: "Exact rate limits, quotas and usage metering for HTTP APIs.",
      description: DESCRIPTION,
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: book.components,
      responses: problems.components,
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function isEndpointId(id: string): id is EndpointId {
  return Object.hasOwn(CONTRACT, id);
}
