/** The response if the policy in force has no portal. */
import { problem } from "../../edge/problem.ts";

/** @param remedy for an operator: what to do. */
export function noPortal(requestId: string, remedy = ""): Response {
  return problem("not_found", `This deployment has no portal. ${remedy}`.trim(), requestId);
}
