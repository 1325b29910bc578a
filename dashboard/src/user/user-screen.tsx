/** A user by `id`; any subject, as an address, by `subject`; and where the URL names nobody, the list of accounts. */
import "./user.css";
import { AccountList } from "../accounts/account-list.tsx";
import { Link, usePage } from "../shell/page.tsx";
import { RecentRequests } from "./recent-requests.tsx";
import { UserView } from "./user-view.tsx";

export function UserScreen() {
  const { id = "", subject = "" } = usePage().address.params;
  if (id === "" && subject === "") return <AccountList />;
  return (
    <>
      <p>
        <Link to={{ screen: "user", params: {} }}>All accounts</Link>
      </p>
      {id !== "" ? (
        <UserView key={id} id={id} />
      ) : (
        <>
          <h1>{subject}</h1>
          <p>
            A caller without a credential, known by address: it has no account, and the anonymous tier's
            limits.
          </p>
          <RecentRequests subject={subject} />
        </>
      )}
    </>
  );
}
