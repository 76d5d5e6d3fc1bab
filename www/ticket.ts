import type { Ticket } from "crisp-upscale";

/** A task that has not been seen to end, and the picture that it is for. */
export type KeptTicket = Ticket & { imageUrl: string };

const KEY = "crisp-upscale.ticket";

/** The task to go on with. It is paid for, so it outlives a reload of the page. */
export function keptTicket(): KeptTicket | null {
  const kept = sessionStorage.getItem(KEY);
  return kept === null ? null : (JSON.parse(kept) as KeptTicket);
}

export function keepTicket(ticket: KeptTicket): void {
  sessionStorage.setItem(KEY, JSON.stringify(ticket));
}

export function forgetTicket(): void {
  sessionStorage.removeItem(KEY);
}
