/** Reads a PDF's text back, as a viewer copies it: from the glyphs that are drawn, by the fonts' tables. For PDFs of jsPDF only. */
import { inflateSync } from "node:zlib";

export interface PdfText {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** The texts of each page, in the order in which they are drawn. */
export function readPdf(bytes: Uint8Array): PdfText[][] {
  const objects = objectsOf(Buffer.from(bytes).toString("latin1"));
  const object = (id: string | undefined): string => objects.get(id ?? "") ?? "";
  const fonts = new Map<string, Map<string, string>>();
  for (const body of objects.values()) {
    for (const [, name = "", id] of (/\/Font <<([^>]*)>>/.exec(body)?.[1] ?? "").matchAll(
      /\/(\w+) (\d+) 0 R/g,
    )) {
      fonts.set(name, charactersOf(streamOf(object(/\/ToUnicode (\d+) /.exec(object(id))?.[1]))));
    }
  }
  const pages = [...objects.values()].find((body) => body.includes("/Type /Pages"));
  const kids = /\/Kids \[(.*?)\]/s.exec(pages ?? "")?.[1] ?? "";
  return [...kids.matchAll(/(\d+) 0 R/g)].map(([, id]) =>
    textsOf(streamOf(object(/\/Contents (\d+) 0 R/.exec(object(id))?.[1])), fonts),
  );
}

function objectsOf(file: string): Map<string, string> {
  const found = new Map<string, string>();
  let at = 0;
  for (;;) {
    const match = /(\d+) 0 obj\n/g;
    match.lastIndex = at;
    const start = match.exec(file);
    if (start === null) return found;
    const bodyAt = start.index + start[0].length;
    const length = /^<<[^]{0,80}?\/Length (\d+)/.exec(file.slice(bodyAt, bodyAt + 120))?.[1];
    const streamAt = length === undefined ? -1 : file.indexOf("stream\n", bodyAt);
    at = file.indexOf("endobj", streamAt < 0 ? bodyAt : streamAt + Number(length));
    found.set(start[1] ?? "", file.slice(bodyAt, at));
  }
}

function streamOf(body: string): string {
  const [, length = "0"] = /\/Length (\d+)/.exec(body) ?? [];
  const start = body.indexOf("stream\n") + "stream\n".length;
  return inflateSync(Buffer.from(body.slice(start, start + Number(length)), "latin1")).toString("latin1");
}

/** Characters by glyph, from a ToUnicode table. */
function charactersOf(table: string): Map<string, string> {
  const pairs = [...table.matchAll(/<([\da-f]{4})><([\da-f]{4})>/g)];
  return new Map(
    pairs.map(([, glyph = "", code = ""]) => [glyph, String.fromCharCode(Number.parseInt(code, 16))]),
  );
}

function textsOf(content: string, fonts: ReadonlyMap<string, ReadonlyMap<string, string>>): PdfText[] {
  const drawn = /\/(\w+) [\d.]+ Tf[^]*?(-?[\d.]+) (-?[\d.]+) Td\n<([\da-f]*)> Tj/g;
  return [...content.matchAll(drawn)].map(([, font = "", x, y, hex = ""]) => ({
    x: Number(x),
    y: Number(y),
    text: (hex.match(/.{4}/g) ?? []).map((glyph) => fonts.get(font)?.get(glyph) ?? "\uFFFD").join(""),
  }));
}
