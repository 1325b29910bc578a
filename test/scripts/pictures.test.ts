/** The arguments of `npm run pictures`. */
import { expect, it } from "vitest";
import { readPictureOptions } from "../../scripts/pictures/options.ts";

it("makes the README's pictures, or those of every screen in a directory", () => {
  expect(readPictureOptions([])).toEqual({ kind: "readme" });
  expect(readPictureOptions(["--review", "out"])).toEqual({ kind: "review", directory: "out", users: 0 });
  expect(readPictureOptions(["--review", "out", "--users", "10000"])).toMatchObject({ users: 10_000 });
  expect(readPictureOptions(["-h"])).toEqual({ kind: "help" });
});

it.each([
  [["--review", ""], /--review needs a directory/],
  [["--users", "5"], /--users needs --review/],
  [["--review", "out", "--users", "1e9"], /--users is a number from 0 to 100000/],
  [["--review", "out", "--users", "999999"], /--users is a number from 0 to 100000/],
  [["--revue"], /--revue/],
])("rejects %j, and says why", (args, message) => {
  expect(readPictureOptions(args)).toEqual({ kind: "fault", message: expect.stringMatching(message) });
});
