// The pictures that are open, as a row of small ones when there are several.

import { forget } from "./server.js";

export class Album {
  /** @param onopen called with the picture that is to be shown. */
  constructor(root, onopen) {
    Object.assign(this, { root, onopen });
    this.pictures = [];
    this.current = null;
    addEventListener("pagehide", (event) => {
      if (!event.persisted) forget(this.pictures.map(({ id }) => id));
    });
  }

  get ids() {
    return this.pictures.map(({ id }) => id);
  }

  /** Add a picture, and open it if nothing else was chosen. */
  add(picture, open) {
    this.pictures.push(picture);
    const button = document.createElement("button");
    button.title = picture.name;
    button.setAttribute("aria-label", picture.name);
    const image = document.createElement("img");
    image.src = thumbnail(picture);
    image.alt = "";
    button.append(image);
    button.addEventListener("click", () => this.open(picture));
    button.addEventListener("keydown", (event) => {
      if (event.key === "Delete") this.remove(picture);
    });
    const away = document.createElement("button");
    away.textContent = "×";
    away.className = "away";
    away.setAttribute("aria-label", `Remove ${picture.name}`);
    away.addEventListener("click", () => this.remove(picture));
    picture.entry = document.createElement("div");
    picture.entry.append(button, away);
    this.root.append(picture.entry);
    this.update();
    if (open) this.open(picture);
  }

  open(picture) {
    this.current = picture;
    this.update();
    this.onopen(picture);
  }

  remove(picture) {
    const i = this.pictures.indexOf(picture);
    this.pictures.splice(i, 1);
    picture.entry.remove();
    forget([picture.id]);
    this.update();
    if (picture === this.current) this.open(this.pictures[Math.min(i, this.pictures.length - 1)] ?? null);
  }

  update() {
    this.root.hidden = this.pictures.length < 2;
    for (const picture of this.pictures) {
      picture.entry.firstChild.setAttribute("aria-pressed", picture === this.current);
    }
  }
}

function thumbnail({ id, width, height }) {
  const level = Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / 512)));
  return `/pictures/${id}/tiles/before/1/${level}/0/0`;
}
