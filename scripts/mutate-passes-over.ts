/** What of a node of the syntax tree is looked at. */
interface SyntaxNode {
  readonly type: string;
  readonly value?: unknown;
  readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
  readonly operator?: string;
  readonly left?: SyntaxNode;
  readonly computed?: boolean;
}

interface SyntaxPath {
  readonly node: SyntaxNode;
  readonly parent: SyntaxNode;
}

/** Three words: no header, code, host, path or rule of the broker has two spaces in it, and every sentence does. */
const SENTENCE = /\S\s+\S+\s+\S/;

/**
 * What is not broken. Sentences, with what is put into them: to empty a message that only people read breaks no promise; codes, names, rules and hosts
 * are data, and are broken. And the empty text of `list[index] ?? ""`, which is there for the compiler alone, because it does not know that the index
 * lies within the list.
 */
const passesOver = {
  shouldIgnore({ node, parent }: SyntaxPath): string | undefined {
    const text =
      node.type === "TemplateLiteral" ? (node.quasis ?? []).map(({ value }) => value.raw).join("x") : node.type === "StringLiteral" ? node.value : null;
    if (typeof text !== "string") return undefined;
    if (SENTENCE.test(text)) return "a sentence for people";
    const indexed =
      parent.type === "LogicalExpression" && parent.operator === "??" && parent.left?.type === "MemberExpression" && parent.left.computed === true;
    return text === "" && indexed ? "a fallback for the compiler" : undefined;
  },
};

export default passesOver;

/** What the mutation tester looks for in a plugin. */
export const strykerPlugins = [{ kind: "Ignore", name: "passes-over", value: passesOver }];
