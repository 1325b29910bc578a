/**
 * JSON answers. Every answer depends on who asks, so none may be stored. Must never be used for problems,
 * which have a media type of their own (`problem.ts`).
 */
export function json(body: unknown): Response {
  return Response.json(body, { headers: { "Cache-Control": "no-store" } });
}
