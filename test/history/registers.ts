/**
 * The billing registers of a simulated world: what the real class does over simulated disks, with calls that fail on the way there or
 * on the way back. Asserts nothing.
 */
import { RegisterBook } from "../../durable-objects/billing-register/register-book.ts";
import type { Register } from "../../src/api/billing/invoiced-sums.ts";
import { DOCUMENT_KINDS } from "../../src/billing/invoice-document.ts";
import {
  type BillingRegisterRpc,
  type RegisteredDocument,
  type RegisterNamespace,
  seriesName,
} from "../../src/objects/billing-register.ts";
import { Disk, type Handle, storageOf } from "./sqlite-storage.ts";

/** What happens to a call: nothing, it does not arrive, or its answer is lost. */
export type CallFate = "through" | "lost" | "answer lost";

export class Registers {
  readonly #disks = new Map<string, Disk>();
  readonly #objects = new Map<string, RegisterBook>();
  /** The fate of each call. */
  fateOf: () => CallFate;

  constructor(fateOf: () => CallFate = () => "through") {
    this.fateOf = fateOf;
  }

  /** The binding of the objects. */
  get binding() {
    return { getByName: (name: string) => this.#stub(name) };
  }

  /** The registers of the series INV, as reports ask them. */
  get forReports(): Register[] {
    return DOCUMENT_KINDS.map((kind) => {
      const name = seriesName("INV", kind);
      return {
        isOfNotes: kind === "credit_note",
        sums: async (query) => this.object(name).sums(query),
        outstanding: async () => this.object(name).outstanding(),
      };
    });
  }

  /** Kills all registers: what was only in memory is lost. */
  crash(): void {
    for (const disk of this.#disks.values()) disk.flush();
    this.#objects.clear();
  }

  /** Loses a register, as if its storage were deleted. */
  lose(name: string): void {
    this.#disks.delete(name);
    this.#objects.delete(name);
  }

  /** The documents of a series, oldest first. */
  documents(name = "INV"): RegisteredDocument[] {
    return [...this.object(name).list({ status: null }, null, 100_000).documents].toReversed();
  }

  object(name: string): RegisterBook {
    const known = this.#objects.get(name);
    if (known) return known;
    const disk = this.#disks.get(name) ?? new Disk();
    this.#disks.set(name, disk);
    const handle: Handle = {
      isReplaced: false,
      failNextWrite: false,
      onFailure: () => undefined,
      onAudit: () => undefined,
    };
    const announce = async (other: string, ...given: [string, string]) =>
      this.object(other).announce(...given);
    const namespace = { getByName: (other: string) => ({ announce: announce.bind(null, other) }) };
    const storage = storageOf(disk, handle, () => undefined);
    const object = new RegisterBook(storage, namespace as unknown as RegisterNamespace);
    this.#objects.set(name, object);
    return object;
  }

  #stub(name: string): Pick<BillingRegisterRpc, "put"> {
    return {
      put: async (entry) => {
        const fate = this.fateOf();
        if (fate === "lost") throw new Error("the register does not answer");
        const answer = await this.object(name).put(entry);
        if (fate === "answer lost") throw new Error("the answer is lost");
        return answer;
      },
    };
  }
}
