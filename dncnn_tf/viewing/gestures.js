// Mouse, fingers, wheel and keys that move and zoom what a Slider shows.

const STEP = 0.15; // of the canvas, for a press of an arrow
const FACTOR = 1.25; // for a press of + or −

export class Gestures {
  constructor(slider) {
    this.slider = slider;
    this.fingers = new Map();
    const { canvas } = slider;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.fingers.set(event.pointerId, at(event));
    });
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.fingers.delete(event.pointerId));
    }
    canvas.addEventListener("dblclick", () => (slider.fitted ? slider.actual() : slider.fit()));
    canvas.addEventListener("keydown", (event) => this.press(event));
    slider.root.addEventListener("wheel", (event) => this.turn(event), { passive: false });
  }

  move(event) {
    if (!this.fingers.has(event.pointerId)) return;
    const [before, others] = [this.fingers.get(event.pointerId), [...this.fingers.values()]];
    const now = at(event);
    const other = others.find((finger) => finger !== before);
    if (other) {
      const apart = (a, b) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
      this.slider.zoom(apart(now, other) / apart(before, other), (now.x + other.x) / 2, (now.y + other.y) / 2);
    }
    const share = other ? 0.5 : 1; // of the way that the middle of two fingers goes
    this.slider.pan(share * (now.x - before.x), share * (now.y - before.y));
    this.fingers.set(event.pointerId, now);
  }

  turn(event) {
    event.preventDefault();
    const { canvas } = this.slider;
    const box = canvas.getBoundingClientRect();
    const point = at({ offsetX: event.clientX - box.left, offsetY: event.clientY - box.top });
    const lines = event.deltaMode ? 30 : 1;
    this.slider.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), point.x, point.y);
  }

  press(event) {
    const { slider } = this;
    const step = STEP * Math.min(slider.view.width, slider.view.height);
    const moves = {
      ArrowLeft: () => slider.pan(step, 0),
      ArrowRight: () => slider.pan(-step, 0),
      ArrowUp: () => slider.pan(0, step),
      ArrowDown: () => slider.pan(0, -step),
      "+": () => slider.zoom(FACTOR),
      "=": () => slider.zoom(FACTOR),
      "-": () => slider.zoom(1 / FACTOR),
      0: () => slider.fit(),
      1: () => slider.actual(),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in moves)) return;
    event.preventDefault();
    moves[event.key]();
  }
}

/** Where an event is, in device pixels of the canvas. */
function at(event) {
  return { x: event.offsetX * devicePixelRatio, y: event.offsetY * devicePixelRatio };
}
