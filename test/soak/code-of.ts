/** What an error is known by: its code or its name, and the same of its cause. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause, code, name } = error as Error & { readonly code?: unknown };
  const own =
    typeof code === "string" || typeof code === "number" ? String(code) : `${name}: ${error.message}`;
  return cause === undefined ? own : `${own} (${codeOf(cause)})`;
}
