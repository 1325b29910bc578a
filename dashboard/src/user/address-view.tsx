/** A caller without a credential, known by address: what it requests. It has no account, so there is nothing to change. */
import { Badge } from "../kit/badge.tsx";
import { RecentRequests } from "./recent-requests.tsx";
import { ToUsers } from "./user-heading.tsx";

export function AddressView({ subject }: { readonly subject: string }) {
  return (
    <>
      <header class="user-head">
        <div>
          <ToUsers params={{ show: "address" }} />
          <h1>
            {subject} <Badge tone="neutral">no credential</Badge>
          </h1>
          <p class="quiet">
            An anonymous caller, identified by address. It has no account; the limits of the anonymous tier
            apply.
          </p>
        </div>
      </header>
      <RecentRequests subject={subject} />
    </>
  );
}
