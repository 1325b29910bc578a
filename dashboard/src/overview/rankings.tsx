/** The users who are denied most, and the routes with the most requests. */
import type { Report } from "../shell/answers.ts";
import { count, milliseconds, percent } from "../shell/format.ts";
import { isListOf, isNumber, isOneOf, isShape, isText, parseAs } from "../shell/guards.ts";
import { Link } from "../shell/page.tsx";
import { HEAD, isRouteRow, TOTALS } from "../shell/report-guards.ts";
import { SubjectLink } from "../shell/subject-link.tsx";

type RankedUser = Report<"top-users">["users"][number];
type RankedRoute = Report<"top-routes">["routes"][number];

const isUserRow = isShape<RankedUser>({ ...TOTALS, account: isText, share: isNumber });

export const parseUserRanking = parseAs(
  isShape<Report<"top-users">>({
    ...HEAD,
    report: isOneOf({ "top-users": true }),
    users: isListOf(isUserRow),
  }),
);
export const parseRouteRanking = parseAs(
  isShape<Report<"top-routes">>({
    ...HEAD,
    report: isOneOf({ "top-routes": true }),
    routes: isListOf(isRouteRow),
  }),
);

/** The users who were denied at least once: a ranking by denials also lists users without any. */
export function deniedUsers({ users }: Report<"top-users">): readonly RankedUser[] {
  return users.filter(({ denied }) => denied > 0);
}

export function DeniedUsers({ users }: { readonly users: readonly RankedUser[] }) {
  if (users.length === 0) return <p class="quiet">No user was denied.</p>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">User or address</th>
            <th scope="col" class="number">
              Denied
            </th>
            <th scope="col" class="number">
              Share of denials
            </th>
            <th scope="col" class="number">
              Share of their requests
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map(({ account, denied, decided, share }) => (
            <tr key={account}>
              <td>
                <SubjectLink account={account} />
              </td>
              <td class="number">{count(denied)}</td>
              <td class="number">{percent(share, 1)}</td>
              <td class="number">{percent(denied, decided)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Routes({ routes }: { readonly routes: readonly RankedRoute[] }) {
  if (routes.length === 0) return <p class="quiet">No requests to any route.</p>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col" class="number">
              Requests
            </th>
            <th scope="col" class="number">
              Share
            </th>
            <th scope="col" class="number">
              Denied
            </th>
            <th scope="col" class="number">
              Decision, p95
            </th>
          </tr>
        </thead>
        <tbody>
          {routes.map(({ route, requests, denied, decided, share, latencyMs }) => (
            <tr key={route}>
              <td>
                <Link to={{ screen: "decisions", params: { route } }}>{route}</Link>
              </td>
              <td class="number">{count(requests)}</td>
              <td class="number">{percent(share, 1)}</td>
              <td class="number">{percent(denied, decided)}</td>
              <td class="number">{milliseconds(latencyMs?.p95)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
