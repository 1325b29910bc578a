/** The arguments of `npm run pictures`. Pure: a usage error is a value. */
import { parseArgs } from "node:util";

/** With more, making them takes an hour. */
const MAX_USERS = 100_000;

export const USAGE = `npm run pictures [-- options]

Writes docs/pictures, the README's pictures of the dashboard. Takes some minutes.

  --review <directory>  instead, writes pictures of every screen there, to look at: light, dark and 400 px wide, without
                        traffic and with the demo's
  --users <count>       with --review: pictures with that many users, too; 10,000 take some minutes more
  --help                print this help`;

export type PictureOptions =
  | { readonly kind: "readme" }
  | { readonly kind: "review"; readonly directory: string; readonly users: number }
  | { readonly kind: "help" }
  | { readonly kind: "fault"; readonly message: string };

export function readPictureOptions(args: readonly string[]): PictureOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        review: { type: "string" },
        users: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (thrown) {
    return { kind: "fault", message: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  const { review, users = "0", help } = values;
  if (help) return { kind: "help" };
  if (review === "") return { kind: "fault", message: "--review needs a directory" };
  if (!/^\d{1,6}$/.test(users) || Number(users) > MAX_USERS) {
    return { kind: "fault", message: `--users is a number from 0 to ${MAX_USERS}` };
  }
  if (review === undefined) {
    return values.users === undefined
      ? { kind: "readme" }
      : { kind: "fault", message: "--users needs --review" };
  }
  return { kind: "review", directory: review, users: Number(users) };
}
