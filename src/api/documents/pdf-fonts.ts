/** The fonts of PDFs: static assets, read with the isolate's first PDF and kept: two files of 73 KB. */
import { withDeadline } from "../../deadline.ts";
import type { FontFiles } from "../../documents/pdf-pages.ts";

/** By weight, as scripts/build-assets.ts names them. */
const FILES = { normal: "/fonts/inter-400.ttf", bold: "/fonts/inter-600.ttf" } as const;
const DEADLINE_MS = 5_000;

export class PdfFonts {
  /** The files, not their promise: a promise of another request may never settle. */
  #files: FontFiles | null = null;

  /** @param base any URL of this host. @throws if an asset cannot be read. */
  async read(assets: Fetcher, base: string): Promise<FontFiles> {
    if (this.#files !== null) return this.#files;
    const [normal, bold] = await Promise.all([
      file(assets, new URL(FILES.normal, base)),
      file(assets, new URL(FILES.bold, base)),
    ]);
    return (this.#files = { normal, bold });
  }
}

async function file(assets: Fetcher, url: URL): Promise<Uint8Array> {
  const read = async (): Promise<Uint8Array> => {
    const response = await assets.fetch(url);
    if (!response.ok) throw new Error(`${url.pathname}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
  return withDeadline(read(), DEADLINE_MS, "assets");
}
