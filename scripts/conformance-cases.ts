import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";

const texts = z.record(z.string(), z.string());
/** `nil` of the suite's language: nothing is asked. */
const nil = z.pipe(
  z.object({ $id: z.literal("nil") }),
  z.transform((): Record<string, string> => ({})),
);
const headers = z.optional(z.union([texts, nil]));
const request = z.object({
  Method: z.optional(z.string()),
  Host: z.optional(z.string()),
  Path: z.optional(z.string()),
  Headers: headers,
  // Where it is named it is HTTP/2 without or with TLS, by a constant of the suite's code.
  Protocol: z.optional(z.string()),
  UnfollowRedirect: z.optional(z.boolean()),
});
const absent = z.optional(z.array(z.string()));
/** `new(int32(20))` in the suite's language. */
const percent = z.pipe(
  z.object({ $call: z.literal("new"), args: z.tuple([z.object({ $call: z.literal("int32"), args: z.tuple([z.number()]) })]) }),
  z.transform((call) => call.args[0].args[0]),
);

const caseSchema = z.object({
  TestCaseName: z.optional(z.string()),
  gateway: z.nullable(z.string()),
  Request: request,
  ExpectedRequest: z.optional(z.object({ Request: z.optional(request), AbsentHeaders: absent })),
  RedirectRequest: z.optional(
    z.object({ Scheme: z.optional(z.string()), Host: z.optional(z.string()), Port: z.optional(z.string()), Path: z.optional(z.string()) }),
  ),
  Response: z.optional(
    z.object({
      StatusCode: z.optional(z.number()),
      StatusCodes: z.optional(z.array(z.number())),
      Headers: headers,
      ValidHeaderValues: z.optional(z.record(z.string(), z.array(z.string()))),
      AbsentHeaders: absent,
      IgnoreWhitespace: z.optional(z.boolean()),
    }),
  ),
  Backend: z.optional(z.string()),
  Namespace: z.optional(z.string()),
  MirroredTo: z.optional(z.array(z.object({ BackendRef: z.object({ Name: z.string(), Namespace: z.optional(z.string()) }), Percent: z.optional(percent) }))),
});

const testSchema = z.object({ test: z.string(), features: z.array(z.string()), manifest: z.string(), provisional: z.boolean(), cases: z.array(z.unknown()) });

export type ConformanceCase = z.infer<typeof caseSchema>;

/** One test of the suite: its manifests and the requests that can be read as data. */
export interface ConformanceTest {
  readonly name: string;
  readonly features: readonly string[];
  readonly manifests: string;
  readonly cases: readonly ConformanceCase[];
  /** Cases whose values stand in the suite's code only. */
  readonly skipped: number;
}

/** Reads `base.yaml`, `cases.json` and the manifests beside them. Throws for anything else than what their README says. */
export async function readConformance(folder: string): Promise<{ readonly base: string; readonly tests: readonly ConformanceTest[] }> {
  const parsed: unknown = JSON.parse(await readFile(join(folder, "cases.json"), "utf8"));
  const tests = z.array(testSchema).parse(parsed);
  const base = await readFile(join(folder, "base.yaml"), "utf8");
  return {
    base,
    tests: await Promise.all(
      tests.map(async ({ test, features, manifest, cases }) => {
        const read = cases.map((one) => z.safeParse(caseSchema, one));
        return {
          name: test,
          features,
          manifests: await readFile(join(folder, "tests", manifest), "utf8"),
          cases: read.flatMap((one) => (one.success ? [one.data] : [])),
          skipped: read.filter((one) => !one.success).length,
        };
      }),
    ),
  };
}
