export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly samples: readonly Sample[];
  readonly types: Readonly<Record<string, string>>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const TYPES = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);

/** Reads Prometheus text 0.0.4 and throws at whatever `promtool check metrics` would refuse or warn about. */
export function parsePrometheus(text: string): Exposition {
  const samples: Sample[] = [];
  const types: Record<string, string> = {};
  const helps = new Set<string>();
  const seen = new Set<string>();
  let family = "";
  if (text === "") return { samples, types };
  if (!text.endsWith("\n")) throw new Error("the last line must end with a line feed");
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = "", rest = ""] = comment;
      if (!NAME.test(name)) throw new Error(`bad metric name ${name}`);
      if (kind === "HELP") {
        if (helps.has(name)) throw new Error(`second HELP for ${name}`);
        helps.add(name);
      } else {
        if (types[name] !== undefined) throw new Error(`second TYPE for ${name}`);
        if (!TYPES.has(rest)) throw new Error(`unknown type ${rest}`);
        if (!helps.has(name)) throw new Error(`no HELP before TYPE of ${name}`);
        types[name] = rest;
        family = name;
      }
      continue;
    }
    const sample = parseSample(line);
    const key = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(key)) throw new Error(`the same series twice: ${key}`);
    seen.add(key);
    checkFamily(sample, family, types[family] ?? "");
    samples.push(sample);
  }
  return { samples, types };
}

function checkFamily(sample: Sample, family: string, type: string): void {
  const suffix = sample.name.startsWith(family) ? sample.name.slice(family.length) : null;
  const allowed = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  if (suffix === null || !allowed.includes(suffix)) throw new Error(`${sample.name} stands under ${family}, a ${type}`);
  if (type === "counter" && !sample.name.endsWith("_total")) throw new Error(`counter ${sample.name} does not end in _total`);
  if (type === "counter" && !(sample.value >= 0)) throw new Error(`counter ${sample.name} is ${sample.value}`);
  if (suffix === "_bucket" && sample.labels["le"] === undefined) throw new Error(`bucket of ${family} without le`);
}

function parseSample(line: string): Sample {
  const head = /^([^{\s]+)/.exec(line)?.[1] ?? "";
  if (!NAME.test(head)) throw new Error(`bad line ${JSON.stringify(line)}`);
  const labels: Record<string, string> = {};
  let index = head.length;
  if (line[index] === "{") {
    index += 1;
    while (line[index] !== "}") {
      const equals = line.indexOf('="', index);
      const name = line.slice(index, equals);
      if (equals < 0 || !LABEL.test(name) || Object.hasOwn(labels, name)) throw new Error(`bad label in ${JSON.stringify(line)}`);
      const { value, next } = parseString(line, equals + 2);
      Object.defineProperty(labels, name, { value, enumerable: true });
      index = line[next] === "," ? next + 1 : next;
      if (line[index] === undefined) throw new Error("labels without end");
    }
    index += 1;
  }
  const value = line.slice(index);
  if (!/^ (?:[+-]?Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.test(value)) throw new Error(`bad value ${JSON.stringify(value)}`);
  return { name: head, labels, value: Number(value.trim().replace("Inf", "Infinity")) };
}

function parseString(line: string, start: number): { value: string; next: number } {
  let value = "";
  for (let index = start; index < line.length; index += 1) {
    const character = line[index] ?? "";
    if (character === '"') return { value, next: index + 1 };
    if (character !== "\\") {
      value += character;
      continue;
    }
    index += 1;
    const escaped = { n: "\n", '"': '"', "\\": "\\" }[line[index] ?? ""];
    if (escaped === undefined) throw new Error(`bad escape in ${JSON.stringify(line)}`);
    value += escaped;
  }
  throw new Error("string without end");
}
