import { describeBytes } from "./messages.js";

export interface FileParts {
  picker: HTMLInputElement;
  chosen: HTMLElement;
  preview: HTMLImageElement;
  name: HTMLElement;
  size: HTMLElement;
  remove: HTMLButtonElement;
}

/** A file of the person's own, and an address under which this page alone can show it. */
export interface Chosen {
  file: File;
  url: string;
}

/** The file that stands in the address's place: picked, dropped or pasted. */
export class FileChoice {
  readonly #parts: FileParts;
  #chosen: Chosen | null = null;

  /**
   * @param isOpen whether a file can be taken now
   * @param onChosen called when there is one
   */
  constructor(parts: FileParts, isOpen: () => boolean, onChosen: () => void) {
    this.#parts = parts;
    const take = (file: File | null | undefined): void => {
      if (!file || !isOpen()) return;
      this.#show(file);
      onChosen();
    };
    const { picker, preview, remove } = parts;

    picker.addEventListener("change", () => {
      take(picker.files?.item(0));
      // So that the same file can be picked again.
      picker.value = "";
    });
    remove.addEventListener("click", () => {
      this.clear();
      picker.focus();
    });
    // What is no picture shows nothing rather than the browser's broken one.
    preview.addEventListener("error", () => preview.removeAttribute("src"));
    document.addEventListener("paste", (event) => {
      const file = event.clipboardData?.files.item(0);
      if (!file) return;
      event.preventDefault();
      take(file);
    });
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      // Without this the browser would leave the page and show the file.
      event.preventDefault();
      event.dataTransfer.dropEffect = isOpen() ? "copy" : "none";
      document.body.toggleAttribute("data-drag", isOpen());
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) document.body.removeAttribute("data-drag");
    });
    document.addEventListener("drop", (event) => {
      document.body.removeAttribute("data-drag");
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      take(event.dataTransfer.files.item(0));
    });
  }

  get chosen(): Chosen | null {
    return this.#chosen;
  }

  clear(): void {
    const { chosen, preview, name } = this.#parts;
    if (this.#chosen) URL.revokeObjectURL(this.#chosen.url);
    this.#chosen = null;
    preview.removeAttribute("src");
    name.textContent = "";
    chosen.hidden = true;
  }

  #show(file: File): void {
    this.clear();
    const { chosen, preview, name, size } = this.#parts;
    const url = URL.createObjectURL(file);
    this.#chosen = { file, url };
    preview.src = url;
    chosen.hidden = false;
    name.textContent = file.name;
    size.textContent = describeBytes(file.size);
  }
}
