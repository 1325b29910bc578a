/** The dashboard, the OpenAPI document and the page that shows it: texts. */
import * as z from "zod/mini";
import { type Content, json, type OperationNotes, text } from "../notes.ts";

const HTML = text("text/html", '<!doctype html>\n<html lang="en">');

/** An asset: 200 with its ETag, or 304. */
const asset = (description: string, contents: readonly Content[]): OperationNotes["responses"] => [
  { status: 200, description, contents, headers: ["ETag", "Content-Security-Policy"] },
  { status: 304, description: "The ETag in If-None-Match is current.", headers: ["ETag"] },
];

const dashboard: OperationNotes = {
  tag: "Dashboard",
  summary: "The dashboard",
  description: "One page, with no content from other hosts and no data.",
  responses: asset("The page.", [HTML]),
};

const dashboardHome: OperationNotes = {
  ...dashboard,
  summary: "The dashboard, with a trailing slash",
  description: "The same page.",
};

const dashboardScreen: OperationNotes = {
  ...dashboard,
  summary: "The dashboard at one of its screens",
  description: "The same page, which reads its URL.",
  problems: ["not_found"],
};

const dashboardFile: OperationNotes = {
  tag: "Dashboard",
  summary: "The dashboard's files",
  description: "Scripts and styles. A file with a hash in its name can be cached forever.",
  responses: asset("The file.", [
    text("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" />'),
    text("text/css", "body {\n  margin: 0;\n}\n"),
    text("text/javascript", "export {};\n"),
  ]),
  problems: ["not_found"],
};

const openapi: OperationNotes = {
  tag: "Documentation",
  summary: "This document: the API as OpenAPI 3.1",
  description: "Generated from the contract that requests are validated against.",
  responses: asset("The document.", [
    json(z.looseObject({ openapi: z.string() }), {
      beginning: { openapi: "3.1.1", info: { title: "Edge Limiter", version: "0.1.0" } },
    }),
  ]),
};

const docs: OperationNotes = {
  tag: "Documentation",
  summary: "The API as a page to read and to try",
  description: "Works offline: it loads nothing from other hosts.",
  responses: asset("The page.", [HTML]),
};

const docsFile: OperationNotes = {
  tag: "Documentation",
  summary: "The page's files",
  description: "Scripts, styles and licences.",
  responses: asset("The file.", [
    text("text/css", "body {\n  margin: 0;\n}\n"),
    text("text/javascript", "globalThis.SwaggerUIBundle({});\n"),
    text("text/plain", "Apache License"),
    text("image/png", "PNG"),
  ]),
  problems: ["not_found"],
};

export const PAGES_NOTES = {
  dashboard,
  dashboardHome,
  dashboardScreen,
  dashboardFile,
  openapi,
  docs,
  docsFile,
};
