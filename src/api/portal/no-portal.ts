/** The response if the policy in force has no portal. */
import { problem } from "../../edge/problem.ts";

export function noPortal(requestId: string): Response {
  return problem("not_found", "This deployment has no portal.", requestId);
}
