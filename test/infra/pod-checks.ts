import { workloadsIn } from "./name-checks.ts";
import { at, type ClusterObject, listAt, textAt } from "./objects.ts";

/** What is missing from the pods of these objects to run without privileges, bounded, from an image that is named; empty: nothing. */
export function unsafePods(objects: readonly ClusterObject[]): readonly string[] {
  return workloadsIn(objects).flatMap(({ object, pod }) => {
    const problems: string[] = [];
    const check = (holds: boolean, what: string) => {
      if (!holds) problems.push(`${object.kind}/${object.name}: ${what}`);
    };
    const ofPod = at(pod, "securityContext");
    check(at(pod, "automountServiceAccountToken") === false, "mounts the token of its service account");
    check(at(pod, "hostNetwork") === undefined && at(pod, "hostPID") === undefined, "shares the node's network or processes");
    check(listAt(pod, "containers").length === 1, "is not one container");
    for (const container of listAt(pod, "containers")) {
      const own = at(container, "securityContext");
      const either = (name: string) => at(own, name) ?? at(ofPod, name);
      check(either("runAsNonRoot") === true, "may run as root");
      check(at(either("seccompProfile"), "type") === "RuntimeDefault", "has no seccomp profile");
      check(at(own, "readOnlyRootFilesystem") === true, "may write to its file system");
      check(at(own, "allowPrivilegeEscalation") === false, "may gain privileges");
      check(listAt(own, "capabilities", "drop").includes("ALL"), "keeps capabilities");
      check(at(container, "resources", "limits", "memory") !== undefined, "has no memory limit");
      check(at(container, "resources", "requests", "cpu") !== undefined, "asks for no processor");
      check(/@sha256:[0-9a-f]{64}$|:(?!latest$)[\w.-]+$/.test(textAt(container, "image")), `image ${textAt(container, "image")} is not named exactly`);
    }
    return problems;
  });
}
