/** The element with this id. A page and a script that have come apart are noticed at the start, by name. */
export function element<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`The page has no ${type.name} with the id "${id}".`);
  return found;
}

/** The address, where it is one of the web: no other is shown, or linked to, whoever wrote it. */
export function webAddress(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  return url && /^https?:$/.test(url.protocol) ? url.href : null;
}
