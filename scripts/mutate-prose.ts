/** What of a node of the syntax tree is looked at. */
interface SyntaxNode {
  readonly type: string;
  readonly value?: unknown;
  readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
}

/** Three words: no header, code, host, path or rule of the broker has two spaces in it, and every sentence does. */
const SENTENCE = /\S\s+\S+\s+\S/;

/**
 * Leaves sentences as they are, with what is put into them: to empty a message that only people read breaks no promise. Codes, names, rules and
 * hosts are data, and are broken.
 */
const prose = {
  shouldIgnore({ node }: { readonly node: SyntaxNode }): string | undefined {
    const text =
      node.type === "TemplateLiteral" ? (node.quasis ?? []).map(({ value }) => value.raw).join("x") : node.type === "StringLiteral" ? node.value : null;
    return typeof text === "string" && SENTENCE.test(text) ? "a sentence for people" : undefined;
  },
};

/** What the mutation tester looks for in a plugin. */
export const strykerPlugins = [{ kind: "Ignore", name: "prose", value: prose }];
