/** The demo page with its gateway. @returns The exit code. */
export async function demo(_argv: string[], stdout: NodeJS.WriteStream): Promise<number> {
  stdout.write("");
  return 1;
}
