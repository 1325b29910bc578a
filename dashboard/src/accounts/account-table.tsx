/** A page of accounts. */
import type { AccountPage } from "../shell/answers.ts";
import { Link } from "../shell/page.tsx";
import { Time } from "../shell/time.tsx";

export function AccountTable({ accounts }: { readonly accounts: AccountPage["accounts"] }) {
  return (
    <div class="scroll accounts" tabIndex={0} role="region" aria-label="Accounts">
      <table>
        <thead>
          <tr>
            <th scope="col">Id</th>
            <th scope="col">Name</th>
            <th scope="col">Tier</th>
            <th scope="col">Status</th>
            <th scope="col">Changed</th>
          </tr>
        </thead>
        <tbody>
          {accounts.map(({ id, name, tier, status, updatedAt }) => (
            <tr key={id}>
              <th scope="row">
                <Link to={{ screen: "user", params: { id } }}>{id}</Link>
              </th>
              <td>{name}</td>
              <td>{tier}</td>
              <td>
                <span class={status === "blocked" ? "tag denied" : "tag"}>{status}</span>
              </td>
              <td>
                <Time at={updatedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
