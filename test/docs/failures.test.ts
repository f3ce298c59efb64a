import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { accessLogLine } from "../../src/attribution/access-log.ts";
import { INSTRUMENTS, prometheusName, SERIES_LABELS } from "../../src/attribution/instruments.ts";
import { ATTRIBUTE } from "../../src/attribution/semconv.ts";
import { DEGRADATIONS } from "../../src/model/degradation.ts";
import { REFUSALS } from "../../src/model/errors.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { fail, hang, type Provider, startProvider } from "../fakes/provider.ts";
import { type SocketBroker, startSocketBroker } from "../fakes/socket-broker.ts";
import { createTokenIssuer, ISSUER } from "../fakes/token-issuer.ts";
import { failedOver } from "../unit/attribution/fixtures.ts";
import { compileAll } from "../unit/config/compile-text.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/failures.md"), "utf8");
const operating = readFileSync(join(root, "docs/operating.md"), "utf8");
const [, ...parts] = page.split(/^### /m);
const sections = parts.map((text) => ({ title: text.slice(0, text.indexOf("\n")), text: (text.split(/^## /m)[0] ?? "").replace(/\s*\n/g, " ") }));

const all = (pattern: RegExp, text: string = page) => [...text.matchAll(pattern)].map(([, found = ""]) => found);
const answersIn = (text: string) => [...text.matchAll(/\b(\d{3}) `([a-z_]+)`/g)].map(([, status = "", code = ""]) => ({ status: Number(status), code }));
/** What stands in `msg=… name=value …`. */
const noted = (note: string) => note.split(" ").map((pair) => pair.split("=") as [string, string?]); // of a split there is a first
const anchorOf = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

/** The types of events are no value; their file is the list. */
const EVENTS = all(/\| "([a-z._]+)"/g, readFileSync(join(root, "src/model/event.ts"), "utf8"));

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert?: string }[] }[];
}

describe("docs/failures.md tells the truth", () => {
  it("says of each failure what is seen, what it means, what to do and what not", () => {
    for (const { title, text } of sections.filter(({ title }) => title !== "Failovers and completions"))
      for (const word of ["**Seen:**", "**Means:**", "**Do", ...(title.startsWith("No instance") ? [] : ["**Do not:**"])]) expect(text, title).toContain(word);
  });

  it("has every refusal code, with its status, and no other", () => {
    const answers = answersIn(page);
    expect([...new Set(answers.map(({ code }) => code))].sort()).toEqual(Object.keys(REFUSALS).sort());
    for (const { code, status } of answers) expect([code, status]).toEqual([code, REFUSALS[code as keyof typeof REFUSALS].status]); // a key, as was looked at
  });

  it("has every event", () => {
    expect(EVENTS.length).toBeGreaterThan(14);
    expect(EVENTS.filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
  });

  it("has every alert, and no alert that is not there", () => {
    const rules = parse(readFileSync(join(root, "infra/otel/prometheus/rules.yaml"), "utf8")) as Rules; // our own file
    const alerts = rules.groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
    expect(alerts.length).toBeGreaterThan(15);
    expect([...new Set(all(/(Spillway[A-Z]\w+)/g))].sort()).toEqual([...alerts].sort());
    for (const alert of alerts) expect(operating).toContain(`### ${alert}\n`);
  });

  it.each(Object.entries(DEGRADATIONS))("has a section of %s with every reason of it", (part, { reasons }) => {
    const found = sections.filter(({ text }) => text.includes(`<a id="degraded-${part}"></a>`));
    expect(found).toHaveLength(1);
    expect(found[0]?.text).toContain(`status \`${part}\`: `);
    const told = sections.filter(({ text }) => text.includes(`status \`${part}\`: `)).map(({ text }) => text);
    for (const reason of reasons) expect(told.join(" ")).toContain(`\`${reason}\``);
  });

  it("names no entry of the status page that is not there", () => {
    for (const [, part = "", reasons = ""] of page.matchAll(/status `([a-z_]+)`: ((?:`[a-z_]+`(?: \([^)]*\))?(?:, )?)+)/g)) {
      expect(Object.keys(DEGRADATIONS)).toContain(part);
      const known: readonly string[] = DEGRADATIONS[part as keyof typeof DEGRADATIONS].reasons; // a key, as was looked at
      expect(known).toEqual(expect.arrayContaining(all(/`([a-z_]+)`/g, reasons).filter((word) => !["traces", "metrics"].includes(word))));
    }
  });

  it("names metrics and labels that are there", () => {
    const instruments = new Map(Object.values(INSTRUMENTS).map((one) => [prometheusName(one), [...one.labels, ...SERIES_LABELS]]));
    const named = [...page.matchAll(/`((?:egress|http)_[a-z_]+?)(?:\{([^}]*)\})?`/g)];
    expect(named.length).toBeGreaterThan(15);
    for (const [, name = "", labels = ""] of named) {
      if (name in REFUSALS) continue;
      expect([...instruments.keys()]).toContain(name);
      expect(instruments.get(name)).toEqual(expect.arrayContaining(all(/(\w+)="/g, labels)));
    }
  });

  it("names fields of the log and attributes of spans that are there", () => {
    const line = JSON.parse(accessLogLine(failedOver())) as Record<string, unknown>; // our own line
    const attempt = (line["attempts"] as readonly Record<string, unknown>[])[0] ?? {}; // as above
    const lists: Readonly<Record<string, readonly string[]>> = {
      attempts: Object.keys(attempt),
      excluded: ["backend", "reason"],
      limits: ["limit", "outcome", "action"],
    };
    for (const note of all(/`((?:msg=egress |attempts\[\])[^`]*)`/g))
      for (const [name] of noted(note)) {
        const [, list = "", field = ""] = /^(\w+)\[\]\.(\w+)$/.exec(name) ?? [];
        if (list === "") expect(Object.keys(line), note).toContain(name);
        else expect(lists[list], note).toContain(field);
      }
    const known = [...Object.values(ATTRIBUTE), ...EVENTS];
    for (const name of all(/`(egress\.[a-z_.]+)`/g)) expect(known).toContain(name);
  });

  it("leads somewhere with every link of its own, and so does docs/operating.md", () => {
    const anchors = new Set([...all(/^##+ (.+)$/gm).map(anchorOf), ...all(/<a id="([^"]+)">/g)]);
    expect(all(/\]\(#([^)]+)\)/g).filter((anchor) => !anchors.has(anchor))).toEqual([]);
    expect(all(/\]\(failures\.md#([^)]+)\)/g, operating).filter((anchor) => !anchors.has(anchor))).toEqual([]);
  });

  it("shows a debug window that can be read", () => {
    const [window = ""] = all(/```yaml\n([\s\S]*?)```/g);
    expect(compileAll([window]).faults).toEqual([]);
  });
});

describe("what docs/failures.md says is seen", () => {
  const providers: Provider[] = [];
  let broker: SocketBroker;

  beforeAll(async () => {
    const cut: Parameters<typeof startProvider>[0] = {
      behaviour: (_seen, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write("data: {}\n\n", () => response.destroy());
      },
    };
    const gone = await startProvider();
    await gone.close();
    for (const one of [{ behaviour: fail(429, { "retry-after": "30" }) }, { behaviour: hang }, { behaviour: fail(401) }, cut, {}])
      providers.push(await startProvider(one));
    const [busy, slow, refused, breaks, well] = providers.map(({ port }) => port);
    const backends = { down: gone.port, busy, slow, refused, breaks, well, secretless: well, limited: well };
    const names = Object.keys(backends);
    const manifests = testManifests({
      backends: Object.entries(backends).map(([name, port = 0]) => ({
        name,
        port,
        key: "some-key",
        ...(name === "slow" ? { timeouts: "{firstByte: 300ms}" } : {}),
      })),
      rules: names
        .map(
          (name) =>
            `  - name: ${name}\n    matches: [{path: {type: PathPrefix, value: /${name}}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]`,
        )
        .join("\n"),
      issuers: `[{name: cluster, type: KubernetesServiceAccount, issuer: ${ISSUER}, audiences: [spillway], jwks: {uri: 'https://issuer.example/keys'}}]`,
    }).replace(/(name: secretless-key, namespace: team-a\}\nspec: \{file: \{path: )[^}]+/, "$1/nowhere/secretless.key");
    broker = await startSocketBroker(manifests);
  });

  afterAll(async () => {
    await broker.stop();
    for (const provider of providers) await provider.close();
  });

  const issuer = createTokenIssuer("EC");
  const TOKEN = issuer.token(issuer.claims(Math.floor(Date.now() / 1_000)), { alg: "ES256" });

  it.each([
    ["A destination is down", "/down", CALLER_TOKEN],
    ["A destination is overloaded (429, 503, 529)", "/busy", CALLER_TOKEN],
    ["A destination is slow, or hangs", "/slow", CALLER_TOKEN],
    ["Streams break off, answers are cut short", "/breaks", CALLER_TOKEN],
    ["The provider refuses our key (401, 403)", "/refused", CALLER_TOKEN],
    ["A secret is denied or deleted", "/secretless", CALLER_TOKEN],
    ["Callers' tokens are refused", "/well", "nobody"],
    ["An issuer's keys cannot be read", "/well", TOKEN],
    ["Hostile or broken callers", "/nowhere", CALLER_TOKEN],
  ])("%s", async (title, path, token) => {
    const text = sections.find((one) => one.title === title)?.text ?? "";
    const before = broker.log.length;
    const answer = await fetch(`http://127.0.0.1:${broker.port}${path}`, { headers: { authorization: `Bearer ${token}` } });
    await answer.text().catch(() => "");
    const line = await broker.line(before);
    const code = answer.headers.get("x-egress-error");
    if (code !== null) expect(answersIn(text)).toContainEqual({ code, status: answer.status });
    const [note] = all(/`(msg=egress [^`]*)`/g, text);
    for (const [name, value] of note === undefined ? [] : noted(note)) {
      const [, list = "", field = ""] = /^(\w+)\[\]\.(\w+)$/.exec(name) ?? [];
      if (value === undefined) continue;
      // A list of objects, as was looked at above.
      if (list === "") expect(String(line[name]), name).toBe(value);
      else
        expect(
          (line[list] as readonly Record<string, unknown>[]).map((one) => String(one[field])),
          name,
        ).toContain(value);
    }
    const [, part = null] = /status `([a-z_]+)`/.exec(text) ?? [];
    const degraded = broker.broker.status()["degraded"] as readonly { part: string; subject: string; reason: string }[]; // what the broker puts there
    if (part !== null && part !== "backend") expect(degraded.filter((one) => one.part === part && text.includes(`\`${one.reason}\``))).not.toEqual([]);
    if (part === "backend" && path !== "/slow") expect(degraded.some((one) => one.part === "backend" && one.subject.endsWith(path))).toBe(true);
    const metrics = broker.broker.metricsText();
    const [, series = null, label = ""] = /`(egress_(?:attempts|requests|refusals)_total)\{(\w+="\w+")\}`/.exec(text) ?? [];
    if (series !== null) expect(metrics.split("\n").some((one) => one.startsWith(`${series}{`) && one.includes(label))).toBe(true);
  });
});
