/** The user with the `id` in the URL, or the address in `subject`; without either, the list of accounts. */
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
            An anonymous caller, identified by address. It has no account; the limits of the anonymous tier
            apply.
          </p>
          <RecentRequests subject={subject} />
        </>
      )}
    </>
  );
}
