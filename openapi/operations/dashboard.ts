/** Answers of the endpoints that serve the dashboard. */
import { type Notes, text } from "../notes.ts";

const UNCHANGED = {
  status: 304,
  description: "What If-None-Match names is still right.",
  headers: ["ETag"],
} as const;

const page = (summary: string, description: string): Notes => ({
  tag: "Dashboard",
  summary,
  description,
  answers: [
    {
      status: 200,
      description: "The page.",
      contents: [text("text/html", '<!doctype html>\n<html lang="en">')],
      headers: ["ETag", "Content-Security-Policy"],
    },
    UNCHANGED,
  ],
});

const dashboardFile: Notes = {
  tag: "Dashboard",
  summary: "What the dashboard is made of",
  description: "Scripts and styles. What has a hash in its name may be kept for ever.",
  answers: [
    {
      status: 200,
      description: "The file.",
      contents: [
        text("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" />'),
        text("text/css", "body {\n  margin: 0;\n}\n"),
        text("text/javascript", "export {};\n"),
      ],
      headers: ["ETag", "Content-Security-Policy"],
    },
    UNCHANGED,
  ],
  problems: ["not_found"],
};

export const DASHBOARD = {
  dashboard: page("The dashboard", "One page, nothing of any other host, and nothing of anybody's data."),
  dashboardHome: page("The dashboard, too", "The same page."),
  dashboardScreen: {
    ...page("The dashboard, at one of its screens", "The same page, which reads its URL."),
    problems: ["not_found"],
  } satisfies Notes,
  dashboardFile,
};
