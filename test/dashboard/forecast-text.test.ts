/** What the page of an account says of its forecast. */
import { expect, it } from "vitest";
import { forecastText } from "../../dashboard/src/user/forecast-text.ts";

const FORECAST = {
  usage: { expected: 1_060_000, low: 980_000, high: 1_140_000 },
  amount: { expected: "129.00", low: "99.00", high: "165.00" },
  trend: null,
};

it.each([
  ["129.00 before tax (with 80 % probability 99.00 to 165.00), for 1.1M tokens; no clear trend", FORECAST],
  [
    "99.00 before tax, for 1.1M tokens; usage grows 4 % a week",
    {
      ...FORECAST,
      amount: { expected: "99.00", low: "99.00", high: "99.00" },
      trend: { perDay: 210, perWeekShare: 0.041 },
    },
  ],
  [
    "129.00 before tax (with 80 % probability 99.00 to 165.00), for 1.1M tokens; usage falls 12 % a week",
    { ...FORECAST, trend: { perDay: -210, perWeekShare: -0.12 } },
  ],
  [
    "129.00 before tax (with 80 % probability 99.00 to 165.00), for 1.1M tokens; no clear trend",
    { ...FORECAST, trend: { perDay: 1, perWeekShare: null } },
  ],
  ["not enough data yet: it needs three complete days of usage", null],
])("%s", (text, forecast) => {
  expect(forecastText(forecast)).toBe(text);
});
