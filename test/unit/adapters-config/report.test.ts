import { describe, expect, it } from "vitest";
import { formatConditions, formatFaults, formatRefused } from "../../../adapters/config/report.ts";
import type { ObjectConditions } from "../../../src/index.ts";
import { compileAll, compileGood, own, route, toXBackend, xBackend } from "../config/compile-text.ts";

describe("formatFaults", () => {
  it("shows the place, the line, a mark under the spot and the advice", () => {
    const { faults } = compileAll([
      "apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: key, namespace: a}\nspec:\n  env: {name: KEY}\n  refersh: {}\n",
    ]);
    expect(formatFaults(faults, { color: false })).toBe(
      [
        "0.yaml:6:3: error: unknown field refersh [SecretSource a/key /spec/refersh]",
        "    6 |   refersh: {}",
        "      |   ^~~~~~~",
        "      advice: did you mean refresh?",
      ].join("\n"),
    );
  });

  it("shows no line of a Secret", () => {
    const { faults } = compileAll(["apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringDatta: {value: hunter2}\n"]);
    const report = formatFaults(faults, { color: false });
    expect(report).toContain("0.yaml:4:1: error: unknown field stringDatta");
    expect(report).not.toContain("hunter2");
  });

  it("colours on demand, and lets no escape of a manifest through", () => {
    const { faults } = compileAll(['apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"\\e[2Jx": 1\n']);
    expect(formatFaults(faults, { color: true })).toContain("\u001b[31merror:\u001b[0m");
    expect(formatFaults(faults, { color: false })).not.toContain("\u001b");
  });
});

describe("formatConditions", () => {
  const compiled = compileGood([
    xBackend("one", { externalHostname: { hostname: "localhost" } }),
    route("r"),
    own("SecretSource", "key", { env: { name: "A" } }),
  ]);

  it("lists every object", () => {
    const report = formatConditions(compiled.conditions, { color: false });
    expect(report).toContain("Gateway infra/egress -> Gateway/infra/egress/http (1 routes)\n  Accepted=True");
    expect(report).toContain(
      "XBackend team-a/one\n  Accepted=False Invalid: externalHostname.hostname localhost: localhost is this machine, not an outside service",
    );
    expect(report).toContain("SecretSource team-a/key");
  });

  it("or only those that are not well", () => {
    const refused = formatRefused(compiled.conditions, { color: false }).split("\n");
    expect(refused.map((line) => line.slice(0, line.indexOf("=")))).toEqual([
      "2.yaml:1: XBackend team-a/one: Accepted",
      "3.yaml:1: HTTPRoute team-a/r -> Gateway/infra/egress: ResolvedRefs",
    ]);
    const good: ObjectConditions = {
      group: "",
      kind: "A",
      namespace: null,
      name: "b",
      file: "a.yaml",
      line: 1,
      parent: null,
      listener: null,
      supportedFeatures: null,
      attachedListenerSets: null,
      conditions: [{ type: "Degraded", status: "False", reason: "X", message: "", observedGeneration: 1 }],
    };
    expect(formatRefused([good], { color: false })).toBe("");
  });

  it("says a cause once and first, for all targets of a policy together, and of what follows from it only that it does", () => {
    const { conditions } = compileGood([
      route("r"),
      own("BackendCredentialPolicy", "keys", {
        targetRefs: [toXBackend("one"), toXBackend("two")],
        type: "Bearer",
        bearer: { secretRef: { group: "spillway.dev", kind: "SecretSource", name: "gone" } },
      }),
      xBackend("one", { externalHostname: { hostname: "localhost" } }),
      xBackend("two"),
    ]);
    expect(formatRefused(conditions, { color: false }).split("\n")).toEqual([
      "3.yaml:1: BackendCredentialPolicy team-a/keys -> XBackend/team-a/one, XBackend/team-a/two: ResolvedRefs=False SecretNotFound: SecretSource team-a/gone is not among the manifests",
      "4.yaml:1: XBackend team-a/one: Accepted=False Invalid: externalHostname.hostname localhost: localhost is this machine, not an outside service",
      "4.yaml:1: XBackend team-a/one: ResolvedRefs=False SecretNotFound: BackendCredentialPolicy keys (see above)",
      "5.yaml:1: XBackend team-a/two: ResolvedRefs=False SecretNotFound: BackendCredentialPolicy keys (see above)",
      "2.yaml:1: HTTPRoute team-a/r -> Gateway/infra/egress: ResolvedRefs=False Invalid: XBackend team-a/one (see above)",
    ]);
  });
});
