/** Who is denied most, and which routes are asked most. */
import { isRecord } from "../shell/api-client.ts";
import { count, milliseconds, percent } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import { SubjectLink } from "../shell/subject-link.tsx";

export interface Ranked {
  /** The account, or the route. */
  readonly name: string;
  readonly requests: number;
  /** By a limit. */
  readonly denied: number;
  /** Requests that the limiter decided: what denials are a share of. */
  readonly decided: number;
  /** Of all that was ranked, 0 to 1. */
  readonly share: number;
  readonly p95Ms: number | undefined;
}

/** Who was denied at all; null for what is no ranking of users. */
export function parseDeniedUsers(body: unknown): readonly Ranked[] | null {
  return ranking(body, "users", "account")?.filter(({ denied }) => denied > 0) ?? null;
}

export function parseRoutes(body: unknown): readonly Ranked[] | null {
  return ranking(body, "routes", "route");
}

function ranking(body: unknown, list: string, key: string): Ranked[] | null {
  const rows = isRecord(body) ? body[list] : null;
  if (!Array.isArray(rows)) return null;
  const parsed = rows.map((row: unknown): Ranked | null => {
    if (!isRecord(row)) return null;
    const { [key]: name, requests, denied, decided, share, latencyMs } = row;
    const p95 = isRecord(latencyMs) ? latencyMs["p95"] : undefined;
    if (typeof name !== "string" || typeof requests !== "number") return null;
    if (typeof denied !== "number" || typeof decided !== "number" || typeof share !== "number") return null;
    return { name, requests, denied, decided, share, p95Ms: typeof p95 === "number" ? p95 : undefined };
  });
  return parsed.every((row) => row !== null) ? parsed : null;
}

export function DeniedUsers({ users }: { readonly users: readonly Ranked[] }) {
  if (users.length === 0) return <p class="quiet">Nobody was denied anything.</p>;
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
              Of all denials
            </th>
            <th scope="col" class="number">
              Of their decided requests
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map(({ name, denied, decided, share }) => (
            <tr key={name}>
              <td>
                <SubjectLink account={name} />
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

export function Routes({ routes }: { readonly routes: readonly Ranked[] }) {
  if (routes.length === 0) return <p class="quiet">No route was asked for.</p>;
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
              Of all
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
          {routes.map(({ name, requests, denied, decided, share, p95Ms }) => (
            <tr key={name}>
              <td>
                <Link to={{ screen: "decisions", params: { route: name } }}>{name}</Link>
              </td>
              <td class="number">{count(requests)}</td>
              <td class="number">{percent(share, 1)}</td>
              <td class="number">{percent(denied, decided)}</td>
              <td class="number">{milliseconds(p95Ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
