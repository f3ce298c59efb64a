import { describe, expect, it } from "vitest";
import { createAddressBook } from "../../../adapters/transport/address-book.ts";
import { createAddressChoice } from "../../../adapters/transport/address-choice.ts";
import type { NameResolver } from "../../../adapters/transport/name-resolver.ts";
import { type DnsProfile, PLAIN_DNS } from "../../../src/index.ts";

/** A resolver that gives the next of its answers for each question, and the last one for ever; `reverse` says what each address is called. */
function world(answers: readonly (readonly string[])[], reverse: Readonly<Record<string, string>> = {}) {
  const asked: string[] = [];
  const clock = { now: 0 };
  const resolver: NameResolver = {
    lookup: async (hostname, servers) => {
      asked.push([hostname, ...servers].join(" "));
      return answers[Math.min(asked.length, answers.length) - 1] ?? [];
    },
    reverse: async (address) => [reverse[address] ?? "nobody.example"],
  };
  const book = createAddressBook(resolver.lookup, () => clock.now);
  const choice = (changes: Partial<DnsProfile>, hostname = "provider.example") => createAddressChoice(hostname, { ...PLAIN_DNS, ...changes }, book, resolver);
  return { asked, clock, choice };
}
const failureOf = async (chosen: Promise<unknown>): Promise<unknown> => chosen.catch((error: { readonly failure: unknown }) => error.failure);

describe("the addresses that may be dialled", () => {
  it("are those that the manifest writes, and nobody is asked", async () => {
    const { asked, choice } = world([["8.8.8.8"]]);
    expect(await choice({ addresses: ["127.0.0.1"] })(1_000)).toEqual(["127.0.0.1"]);
    expect(asked).toEqual([]);
  });

  it("are asked for anew each time, of the servers that the manifest names", async () => {
    const { asked, choice } = world([["8.8.8.8"], ["1.1.1.1"]]);
    const choose = choice({ resolvers: ["192.0.2.53"] });
    expect([await choose(1_000), await choose(1_000)]).toEqual([["8.8.8.8"], ["1.1.1.1"]]);
    expect(asked).toEqual(["provider.example 192.0.2.53", "provider.example 192.0.2.53"]);
  });

  it("are none where one of them is not allowed, and none where nobody knows the name", async () => {
    expect(await failureOf(world([["8.8.8.8", "10.0.0.1"]]).choice({})(1_000))).toMatchObject({ kind: "connect", detail: "denied" });
    expect(await failureOf(world([[]]).choice({})(1_000))).toMatchObject({ kind: "connect", detail: "dns" });
  });

  it("are kept for as long as the manifest says once they were found good, and only for the same name and policy", async () => {
    const { asked, clock, choice } = world([["8.8.8.8"], ["1.1.1.1"]]);
    const choose = choice({ pinForMs: 1_000 });
    expect([await choose(1_000), await choose(1_000)]).toEqual([["8.8.8.8"], ["8.8.8.8"]]);
    expect(asked).toHaveLength(1);
    expect(await choice({ pinForMs: 1_000 }, "other.example")(1_000)).toEqual(["1.1.1.1"]);
    expect(await failureOf(choice({ pinForMs: 1_000, denyCIDRs: ["1.0.0.0/8"] })(1_000))).toMatchObject({ detail: "denied" });
    clock.now = 999;
    expect(await choose(1_000)).toEqual(["8.8.8.8"]);
    clock.now = 1_000;
    expect(await choose(1_000)).toEqual(["1.1.1.1"]);
  });

  it("are not kept where the manifest does not ask for it, although another policy keeps them", async () => {
    const { choice } = world([["8.8.8.8"], ["1.1.1.1"], ["9.9.9.9"]]);
    await choice({ pinForMs: 60_000 })(1_000);
    const choose = choice({});
    expect([await choose(1_000), await choose(1_000)]).toEqual([["1.1.1.1"], ["9.9.9.9"]]);
  });

  it("are those that go by a name that is asked for, and without one the destination is not believed", async () => {
    const reverse = { "8.8.8.8": "a.good.example", "1.1.1.1": "b.bad.example" };
    const { choice } = world([["8.8.8.8", "1.1.1.1"]], reverse);
    expect(await choice({ reverseNames: ["*.good.example"] })(1_000)).toEqual(["8.8.8.8"]);
    expect(await choice({})(1_000)).toEqual(["8.8.8.8", "1.1.1.1"]);
    expect(await failureOf(choice({ reverseNames: ["*.other.example"] })(1_000))).toMatchObject({ kind: "untrusted", reason: "wrong_reverse_name" });
  });
});
