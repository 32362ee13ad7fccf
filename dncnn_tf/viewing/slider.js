// Before and after under one slider, with zoom and pan that keep both sides together.
//
// The divider is an <input type="range">, so that keyboard and screen readers know it; everywhere else one drags the
// picture. Lengths are in device pixels, so that 100 % is one pixel of the picture on one of the screen.

import { Gestures } from "./gestures.js";

/** A picture that is there as a whole. */
export class Whole {
  constructor(image) {
    this.image = image;
    this.width = image.naturalWidth;
    this.height = image.naturalHeight;
  }

  /** Draw it where the view has it. */
  draw(context, view) {
    place(context, this.image, view, 0, 0, this.width, this.height);
  }
}

/** Draw an image over a rectangle of the picture, in place of what is there; edges on whole pixels leave no seams. */
export function place(context, image, view, x, y, width, height) {
  const [left, top] = [Math.round(view.left + x * view.scale), Math.round(view.top + y * view.scale)];
  const right = Math.round(view.left + (x + width) * view.scale);
  const bottom = Math.round(view.top + (y + height) * view.scale);
  context.imageSmoothingEnabled = view.scale < 2 || image.width < width;
  context.clearRect(left, top, right - left, bottom - top);
  context.drawImage(image, left, top, right - left, bottom - top);
}

const SMALLEST = 64; // of the picture on the screen
const LARGEST = 32; // times

export class Slider {
  /** Strength: share of the difference that is shown as taken away, 0 to 1. */
  strength = 1;
  /** 0 shows the result right of the divider; more, what was removed, so many times, on mid-grey. */
  gain = 0;
  /** What the two sides are called. */
  names = ["before", "after"];
  /** Called when another part of the picture is seen. */
  onview = () => {};

  constructor(root) {
    this.root = root;
    root.classList.add("slider");
    root.innerHTML = `
      <canvas tabindex="0" role="img"></canvas>
      <div class="divider" aria-hidden="true"></div>
      <input type="range" min="0" max="100" step="any" value="50" aria-label="Divider between before and after">
      <span class="side"></span><span class="side"></span>`;
    [this.canvas, this.divider, this.range, this.left, this.right] = root.children;
    this.context = this.canvas.getContext("2d");
    [this.beforeLayer, this.afterLayer] = [0, 1].map(() => document.createElement("canvas").getContext("2d"));
    this.view = { scale: 1, left: 0, top: 0, width: 0, height: 0 };
    this.range.addEventListener("input", () => this.redraw());
    this.gestures = new Gestures(this);
    new ResizeObserver(() => this.resize()).observe(root);
  }

  /**
   * Show a pair of pictures.
   *
   * @param before, after sources, each with a `draw(context, view)`; after may be null.
   * @param size width and height of the picture; one of another size than the last keeps the part that is seen.
   * @param fresh whether it is another picture, to be seen as a whole.
   */
  show(before, after, { width, height }, { fresh = false } = {}) {
    const ratio = fresh || !this.size ? 1 : this.size.width / width;
    [this.before, this.after, this.size] = [before, after, { width, height }];
    this.view.scale *= ratio;
    this.canvas.setAttribute("aria-label", `${width} by ${height} pixels, before and after; + and − zoom, arrows move`);
    if (fresh) this.fit();
    else this.moved();
  }

  /** The divider, from 0 (all after) to 1 (all before). */
  get split() {
    return this.range.valueAsNumber / 100;
  }

  set split(share) {
    this.range.valueAsNumber = 100 * share;
    this.redraw();
  }

  /** Show all of the picture; a small one up to twice as large as it is. */
  fit() {
    this.fitted = true;
    const { width, height } = this.view;
    const whole = Math.min(width / this.size.width, height / this.size.height);
    this.view.scale = Math.min(whole, 2 * devicePixelRatio);
    this.center(this.size.width / 2, this.size.height / 2);
  }

  /** Show one pixel of the picture on one of the screen, around the middle of what is seen. */
  actual() {
    this.zoom(1 / this.view.scale);
  }

  /** Zoom by a factor about a point of the canvas, its middle unless told. */
  zoom(factor, x = this.view.width / 2, y = this.view.height / 2) {
    this.fitted = false;
    const { view, size } = this;
    const least = Math.min(1, SMALLEST / Math.max(size.width, size.height));
    const scale = Math.min(LARGEST, Math.max(least, view.scale * factor));
    view.left = x - ((x - view.left) * scale) / view.scale;
    view.top = y - ((y - view.top) * scale) / view.scale;
    view.scale = scale;
    this.moved();
  }

  /** Move the picture. */
  pan(right, down) {
    this.fitted = false;
    this.view.left += right;
    this.view.top += down;
    this.moved();
  }

  /** Bring a point of the picture to the middle. */
  center(x, y) {
    this.view.left = this.view.width / 2 - x * this.view.scale;
    this.view.top = this.view.height / 2 - y * this.view.scale;
    this.moved();
  }

  /** The part of the picture that is seen: whole pixels, {x, y, width, height}. */
  seen() {
    const { view, size } = this;
    const clip = (value, most) => Math.min(most, Math.max(0, value));
    const x = clip(Math.floor(-view.left / view.scale), size.width);
    const y = clip(Math.floor(-view.top / view.scale), size.height);
    const right = clip(Math.ceil((view.width - view.left) / view.scale), size.width);
    const bottom = clip(Math.ceil((view.height - view.top) / view.scale), size.height);
    return { x, y, width: right - x, height: bottom - y };
  }

  moved() {
    const { view, size } = this;
    view.left = kept(view.left, size.width * view.scale, view.width);
    view.top = kept(view.top, size.height * view.scale, view.height);
    this.redraw();
    this.onview();
  }

  resize() {
    const { view, root } = this;
    const [width, height] = [root.clientWidth, root.clientHeight].map((side) => Math.ceil(side * devicePixelRatio) || 1);
    for (const { canvas } of [this.context, this.beforeLayer, this.afterLayer]) {
      [canvas.width, canvas.height] = [width, height];
    }
    [view.left, view.top] = [view.left + (width - view.width) / 2, view.top + (height - view.height) / 2];
    [view.width, view.height] = [width, height];
    if (this.size && this.fitted) this.fit();
    else if (this.size) this.moved();
  }

  /** Draw when the screen is ready to. */
  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { context, view, beforeLayer, afterLayer } = this;
    const right = Math.round(this.split * view.width);
    this.root.style.setProperty("--split", `${100 * this.split}%`);
    this.range.setAttribute("aria-valuetext", `${Math.round(100 * this.split)} % before`);
    this.divider.hidden = !this.after;
    this.left.hidden = this.split < 0.12;
    this.right.hidden = this.split > 0.88 || !this.after;
    [this.left.textContent, this.right.textContent] = this.names;
    if (this.gain) this.right.textContent = `removed ×${this.gain}`;
    context.clearRect(0, 0, view.width, view.height);
    if (!this.before) return;
    paint(beforeLayer, [this.before], view);
    context.drawImage(beforeLayer.canvas, 0, 0);
    if (!this.after || right >= view.width) return;
    paint(afterLayer, [this.before, this.after], view); // what is not there yet is as before
    if (this.gain) this.drawRemoved(right);
    else this.drawBlend(right);
  }

  /** Before and after, mixed by strength: exactly what subtracting that share of the difference gives. */
  drawBlend(right) {
    const { context, view, strength } = this;
    context.save();
    context.beginPath();
    context.rect(right, 0, view.width - right, view.height);
    context.clip();
    context.clearRect(0, 0, view.width, view.height);
    context.globalCompositeOperation = "lighter"; // adds
    for (const [layer, share] of [[this.beforeLayer, 1 - strength], [this.afterLayer, strength]]) {
      context.globalAlpha = share;
      context.drawImage(layer.canvas, 0, 0);
    }
    context.restore();
  }

  drawRemoved(right) {
    const { context, view } = this;
    const area = [right, 0, view.width - right, view.height];
    const [before, after] = [this.beforeLayer, this.afterLayer].map((layer) => layer.getImageData(...area));
    const factor = this.gain * this.strength;
    for (let i = 0; i < after.data.length; i++) {
      if (i % 4 < 3) after.data[i] = 128 + factor * (before.data[i] - after.data[i]);
    }
    context.putImageData(after, right, 0);
  }
}

function paint(layer, sources, view) {
  layer.clearRect(0, 0, view.width, view.height);
  layer.imageSmoothingQuality = "medium";
  for (const source of sources) source.draw(layer, view);
}

/** Where a side begins so that no more is empty than has to be. */
function kept(start, length, room) {
  if (length <= room) return (room - length) / 2;
  return Math.min(0, Math.max(room - length, start));
}
