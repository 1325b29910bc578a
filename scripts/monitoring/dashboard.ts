/**
 * Builds a Grafana dashboard from a list of panels, for Grafana 10 and later (schemaVersion 39). Pure.
 *
 * Panels are placed from left to right in Grafana's grid of 24 columns. The data source is a variable, which the user sets when
 * they import the dashboard.
 */

/** Grafana's unit names. */
export type Unit = "reqps" | "short" | "s" | "ms" | "percentunit" | "none" | "ops";

export interface Query {
  /** PromQL or SQL. */
  readonly text: string;
  /** Grafana's template for the name of a series. Prometheus only. */
  readonly legend?: string;
}

export interface Panel {
  readonly title: string;
  /** What the panel shows, and when to act. */
  readonly description: string;
  readonly type: "timeseries" | "stat" | "table";
  readonly unit: Unit;
  /** In columns of the grid of 24. */
  readonly width: number;
  readonly queries: readonly Query[];
  readonly stacked?: boolean;
  /** The panel is red from this value on. */
  readonly redFrom?: number;
}

export interface Source {
  /** Grafana's id of the data source plugin. */
  readonly type: string;
  /** The fields of a target other than `refId` and `datasource`. */
  readonly target: (query: Query, panel: Panel) => Readonly<Record<string, unknown>>;
}

export interface DashboardPlan {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly source: Source;
  readonly panels: readonly Panel[];
  /** Displayed at first. Default: the last hour. */
  readonly time?: { readonly from: string; readonly to: string };
  /** Default: every 30 s. */
  readonly refresh?: string;
}

const COLUMNS = 24;
const HEIGHT = { stat: 4, timeseries: 8, table: 9 } as const;

/** The dashboard as JSON for Grafana's import. */
export function dashboardJson(plan: DashboardPlan): string {
  const { uid, title, description, source, panels } = plan;
  const { time = { from: "now-1h", to: "now" }, refresh = "30s" } = plan;
  let [x, y, rowHeight] = [0, 0, 0];
  const placed = panels.map((panel, i) => {
    if (x + panel.width > COLUMNS) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const gridPos = { h: HEIGHT[panel.type], w: panel.width, x, y };
    x += panel.width;
    rowHeight = Math.max(rowHeight, gridPos.h);
    return panelJson(panel, i + 1, gridPos, source);
  });
  const dashboard = {
    uid,
    title,
    description,
    tags: ["edge-limiter"],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    time,
    refresh,
    templating: {
      list: [{ name: "source", label: "Data source", type: "datasource", query: source.type, current: {} }],
    },
    panels: placed,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function panelJson(panel: Panel, id: number, gridPos: object, source: Source): object {
  const datasource = { type: source.type, uid: "${source}" };
  const red = panel.redFrom === undefined ? [] : [{ color: "red", value: panel.redFrom }];
  const stacking = { mode: panel.stacked ? "normal" : "none" };
  return {
    id,
    type: panel.type,
    title: panel.title,
    description: panel.description,
    gridPos,
    datasource,
    fieldConfig: {
      defaults: {
        unit: panel.unit,
        min: 0,
        thresholds: { mode: "absolute", steps: [{ color: "green", value: null }, ...red] },
        custom: panel.type === "timeseries" ? { fillOpacity: panel.stacked ? 40 : 8, stacking } : {},
      },
      overrides: [],
    },
    options: panel.type === "stat" ? { reduceOptions: { calcs: ["lastNotNull"] } } : {},
    targets: panel.queries.map((query, i) => ({
      refId: String.fromCodePoint(65 + i),
      datasource,
      ...source.target(query, panel),
    })),
  };
}
