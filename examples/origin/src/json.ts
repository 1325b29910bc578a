/**
 * Builds JSON responses. Every response depends on the caller, so none may be stored. Must never be used for problems,
 * which have another media type (`problem.ts`).
 */
export function json(body: unknown): Response {
  return Response.json(body, { headers: { "Cache-Control": "no-store" } });
}
