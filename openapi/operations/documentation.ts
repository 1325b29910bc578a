/** Examples and answers of the endpoints that serve the documentation. */
import * as z from "zod/mini";
import { json, type Notes, text } from "../notes.ts";

const UNCHANGED = {
  status: 304,
  description: "What If-None-Match names is still right.",
  headers: ["ETag"],
} as const;

const openapi: Notes = {
  tag: "Documentation",
  summary: "This document: the API as OpenAPI 3.1",
  description: "Made from the same contract that requests are validated by.",
  answers: [
    {
      status: 200,
      description: "The document.",
      contents: [
        json(z.looseObject({ openapi: z.string() }), {
          beginning: { openapi: "3.1.1", info: { title: "Edge Limiter", version: "0.1.0" } },
        }),
      ],
      headers: ["ETag", "Content-Security-Policy"],
    },
    UNCHANGED,
  ],
};

const docs: Notes = {
  tag: "Documentation",
  summary: "The API as a page to read and to try",
  description: "Works offline: nothing is loaded from any other host.",
  answers: [
    {
      status: 200,
      description: "The page.",
      contents: [text("text/html", '<!doctype html>\n<html lang="en">')],
      headers: ["ETag", "Content-Security-Policy"],
    },
    UNCHANGED,
  ],
};

const docsFile: Notes = {
  tag: "Documentation",
  summary: "What the page is made of",
  description: "Scripts, styles and licences.",
  answers: [
    {
      status: 200,
      description: "The file.",
      contents: [
        text("text/css", "body {\n  margin: 0;\n}\n"),
        text("text/javascript", "globalThis.SwaggerUIBundle({});\n"),
        text("text/plain", "Apache License"),
        text("image/png", "PNG"),
      ],
      headers: ["ETag", "Content-Security-Policy"],
    },
    UNCHANGED,
  ],
  problems: ["not_found"],
};

export const DOCUMENTATION = { openapi, docs, docsFile };
