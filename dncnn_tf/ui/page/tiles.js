// Sources of pixels for a Slider: a picture that the server has, in tiles, and parts of one that is not there yet.

import { place } from "./slider.js";

const MOST = 160; // tiles that are kept

export class Tiles {
  /**
   * @param path of the tiles on the server, up to the level.
   * @param size width and height of the picture.
   * @param side of a tile in pixels.
   * @param ontile called when one has come.
   */
  constructor(path, size, side, ontile) {
    Object.assign(this, { path, size, side, ontile });
    this.images = new Map();
    const longest = Math.max(size.width, size.height);
    this.coarsest = Math.max(0, Math.ceil(Math.log2(longest / side)));
  }

  /** Draw what is there of the part that is seen, coarse tiles below fine ones, and fetch what is missing. */
  draw(context, view) {
    const wanted = Math.min(this.coarsest, Math.max(0, Math.floor(-Math.log2(view.scale))));
    for (let level = this.coarsest; level >= wanted; level--) {
      const length = this.side * 2 ** level;
      const span = (start, room, whole) => [
        Math.max(0, Math.floor(-start / view.scale / length)),
        Math.min(Math.ceil(whole / length), Math.ceil((room - start) / view.scale / length)),
      ];
      const [left, right] = span(view.left, view.width, this.size.width);
      const [top, bottom] = span(view.top, view.height, this.size.height);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) this.drawTile(context, view, level, x, y, level === wanted);
      }
    }
  }

  drawTile(context, view, level, x, y, needed) {
    const image = this.image(level, x, y, needed || level === this.coarsest);
    if (!image) return;
    const length = this.side * 2 ** level;
    const width = Math.min(length, this.size.width - x * length);
    const height = Math.min(length, this.size.height - y * length);
    place(context, image, view, x * length, y * length, width, height);
  }

  image(level, x, y, needed) {
    const key = `${level}/${x}/${y}`;
    const known = this.images.get(key);
    if (known) {
      this.images.delete(key); // the one used last is the last
      this.images.set(key, known);
      return known.complete && known.naturalWidth ? known : null;
    }
    if (!needed) return null;
    const image = new Image();
    image.onload = () => this.ontile();
    image.src = `${this.path}/${key}`;
    this.images.set(key, image);
    if (this.images.size > MOST) this.images.delete(this.images.keys().next().value);
    return null;
  }

  /** When all that is needed for a first look at it is there. */
  ready() {
    return new Promise((resolve) => {
      const image = new Image();
      image.onload = image.onerror = resolve;
      image.src = `${this.path}/${this.coarsest}/0/0`;
      this.images.set(`${this.coarsest}/0/0`, image);
    });
  }
}

/** Parts of a result that were made before the whole: squares of a grid, by what is seen. */
export class Parts {
  /**
   * @param side of a square in pixels of the picture.
   * @param size width and height of the picture.
   */
  constructor(side, size) {
    Object.assign(this, { side, size });
    this.asked = new Set();
    this.images = [];
  }

  /** The square nearest the middle of an area, [x, y, width, height], of those nobody has asked for; undefined if none. */
  next({ x, y, width, height }) {
    const { side, size } = this;
    const squares = [];
    for (let top = y - (y % side); top < y + height; top += side) {
      for (let left = x - (x % side); left < x + width; left += side) {
        if (this.asked.has(`${left} ${top}`)) continue;
        squares.push([left, top, Math.min(side, size.width - left), Math.min(side, size.height - top)]);
      }
    }
    const distance = ([left, top]) => Math.hypot(left + side / 2 - x - width / 2, top + side / 2 - y - height / 2);
    const nearest = squares.sort((a, b) => distance(a) - distance(b))[0];
    if (nearest) this.asked.add(`${nearest[0]} ${nearest[1]}`);
    return nearest;
  }

  add(image, area) {
    this.images.push({ image, area });
  }

  draw(context, view) {
    for (const { image, area } of this.images) place(context, image, view, ...area);
  }
}
