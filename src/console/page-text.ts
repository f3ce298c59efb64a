const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 3h14v3H9v4h6v3H1v-3h6V6H1z' fill='%230b6e75'/%3E%3C/svg%3E";

/** The page for whoever is signed in: its frame, shown before the first data come. */
export function pageText(): string {
  return wrap(
    "Spillway console",
    "app",
    `<div id="app"><p class="waiting" role="status">Loading…</p></div>
<noscript><p class="waiting">This page needs JavaScript. The same facts are at /-/status, /-/usage, /-/limits and /-/incidents, and in <code>spillway usage</code>.</p></noscript>`,
  );
}

/**
 * The form for whoever is not. `fault`: why the last try failed; null: it is the first. `mayHaveSession`: another site led here, for which a browser keeps
 * the cookie back; the script then looks whether there is one.
 */
export function signInText(fault: string | null, mayHaveSession: boolean): string {
  const told = fault === null ? "" : `<p id="fault" class="fault" role="alert">${escapeHtml(fault)}</p>`;
  const described = fault === null ? "hint" : "fault hint";
  return wrap(
    "Sign in · Spillway console",
    mayHaveSession ? "look" : "sign-in",
    `<div id="app"><main class="sign-in">
<h1>Spillway</h1>
<form method="post" action="/-/console/session">
${told}
<label for="token">Token</label>
<input id="token" name="token" type="password" required autocomplete="current-password" autocapitalize="none" spellcheck="false" aria-describedby="${described}"${fault === null ? "" : ' aria-invalid="true"'}>
<p id="hint" class="hint">A credential of the Gateway's own namespace: an API key, or a token of its service account.</p>
<button type="submit">Sign in</button>
</form>
</main></div>`,
  );
}

function wrap(title: string, mode: string, body: string): string {
  return `<!doctype html>
<html lang="en" data-mode="${mode}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="/-/console/style.css">
<script type="module" src="/-/console/script.js"></script>
</head>
<body>
${body}
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
