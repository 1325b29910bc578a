/**
 * `npm run bench:forecast`: tests the forecast (src/billing/forecast.ts) and the trend on the past of synthetic accounts: how often the band
 * holds, and how wrong the forecast is beside "as last week" and "as yesterday". Prints a table for docs/billing.md.
 */
import { backtest } from "./backtest.ts";
import { SEASONS } from "./seasons.ts";

const ACCOUNTS = Number(process.env["FORECAST_ACCOUNTS"] ?? 300);
const SEED = Number(process.env["FORECAST_SEED"] ?? 20_261_130);

const percent = (share: number): string => `${Math.round(share * 100)} %`;

console.log(
  "| usage | within the 80 % band | its width | error | as last week | as yesterday | trend up, down |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const season of SEASONS) {
  const { coverage, width, error, seasonalNaive, lastValue, up, down } = backtest(season, ACCOUNTS, SEED);
  const cells = [coverage, width, error, seasonalNaive, lastValue].map(percent);
  console.log(`| ${[season.name, ...cells, `${percent(up)}, ${percent(down)}`].join(" | ")} |`);
}
