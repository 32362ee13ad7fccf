// The page: pictures come in, are shown before and after, and go out as files.

import { Album } from "./album.js";
import { begin } from "./busy.js";
import { Controls } from "./controls.js";
import { command, files, forget, preview, result, sample, upload } from "./server.js";
import { Slider } from "./slider.js";
import { Parts, Tiles } from "./tiles.js";

const LARGE = 1_500_000; // pixels of a result that is worth a look at a part of it first
const PART = 256; // pixels of a result, the side of a part
const MOST_PARTS = 24; // at once

const element = (id) => document.getElementById(id);
const slider = new Slider(element("stage"));
const album = new Album(element("album"), show);
const controls = new Controls(work, look);
const showCommand = later(50, async () => {
  const order = [album.ids, controls.settings];
  const line = await command(...order).catch((failure) => failure.message);
  const now = JSON.stringify([album.ids, controls.settings]);
  if (now === JSON.stringify(order)) element("command").textContent = line;
});
let working = new AbortController();
let taken = false; // whether a picture of the user's is there
let running = Promise.resolve(); // what the network does for the picture that is shown
let parts = null;

listen();
takeSample();

async function takeSample() {
  const task = begin();
  const picture = { ...(await sample()), isSample: true };
  if (taken) forget([picture.id]);
  else album.add(picture, true);
  task.end();
}

/** Take the user's files in; the first that can be read is shown. */
async function take(uploaded) {
  let open = true;
  const failures = [];
  for (const file of uploaded) {
    const task = begin();
    try {
      album.add(await upload(file), open);
      taken = true;
      album.pictures.filter(({ isSample }) => isSample).forEach((picture) => album.remove(picture));
      open = false;
    } catch (failure) {
      failures.push(failure.message);
    }
    task.end();
  }
  if (failures.length) say(failures.join("\n"));
}

function show(picture) {
  element("facts").textContent = "";
  element("download").disabled = !picture;
  if (!picture) return;
  picture.before ??= tiles(picture, "before", 1);
  slider.show(picture.before, null, picture, { fresh: true });
  if (slider.view.scale < 0.5) slider.actual(); // noise is not seen in a small picture of a large one
  work();
}

/** Have the network do what is chosen with the picture that is shown. */
function work() {
  running = showResult();
}

async function showResult() {
  const picture = album.current;
  if (!picture) return;
  say("");
  controls.update(picture);
  const [settings, enlargement] = [controls.settings, controls.enlargement];
  const signal = start();
  const task = begin(stop);
  signal.addEventListener("abort", task.end);
  tell(picture, [], settings.sigma === null ? picture.model : "…");
  try {
    parts = null;
    if (picture.width * picture.height * enlargement ** 2 > LARGE) {
      parts = new Parts(Math.floor(PART / enlargement), picture);
      slider.show(picture.before, parts, picture);
      await lookAhead(picture, settings, signal);
    }
    const done = await result(picture.id, settings, signal, task.update);
    parts = null;
    const before = tiles(picture, "before", enlargement);
    const after = tiles(picture, done.id, 1, enlargement);
    await Promise.all([before.ready(), after.ready()]);
    if (!signal.aborted) {
      slider.show(before, after, before.size);
      tell(picture, done.remarks, done.model);
    }
  } catch (failure) {
    if (!signal.aborted) say(failure.message);
  }
  task.end();
}

/** Stop what goes on; the signal of what begins. */
function start() {
  stop();
  working = new AbortController();
  return working.signal;
}

function stop() {
  working.abort();
  parts = null;
}

/** Do the part that is seen, until the whole is there. */
async function lookAhead(picture, settings, signal) {
  const own = parts;
  for (let count = 0; count < MOST_PARTS && own === parts; count++) {
    const area = own.next(slider.seen());
    if (!area) break;
    own.add(await preview(picture.id, settings, area, signal), area);
    slider.redraw();
  }
}

function tiles(picture, which, enlargement, size = enlargement) {
  const whole = { width: picture.width * size, height: picture.height * size };
  return new Tiles(`/pictures/${picture.id}/tiles/${which}/${enlargement}`, whole, picture.side, () => slider.redraw());
}

/** What needs no network. */
function look() {
  controls.update(album.current);
  const { task, strength } = controls.settings;
  slider.strength = task === "denoise" ? strength : 1;
  slider.gain = controls.gain;
  slider.redraw();
  showCommand();
}

function tell(picture, remarks, model) {
  const size = `${picture.width} × ${picture.height}`;
  const facts = [size, picture.kind, picture.format, controls.noiseAndModel(picture, model)];
  element("facts").textContent = [...facts, ...picture.remarks, ...remarks].join(" · ");
  look();
}

async function download() {
  const waited = working.signal;
  if (!waited.aborted) {
    await running; // which keeps what the file needs
    if (waited.aborted) return;
  }
  const signal = start();
  const task = begin(stop);
  signal.addEventListener("abort", task.end);
  say("");
  try {
    const made = await files(album.ids, controls.settings, signal, task.update);
    const link = document.createElement("a");
    [link.href, link.download] = [made.file, made.name];
    link.click();
    say(made.failures.join("\n"));
  } catch (failure) {
    if (!signal.aborted) say(failure.message);
  }
  task.end();
}

function copy() {
  getSelection().selectAllChildren(element("command"));
  navigator.clipboard?.writeText(element("command").textContent); // not there where the page is another machine's
}

function say(failure) {
  element("failure").textContent = failure.trim();
  element("failure").hidden = !failure;
}

function listen() {
  element("choose").addEventListener("change", ({ target }) => {
    take([...target.files]);
    target.value = "";
  });
  element("download").addEventListener("click", download);
  element("out").addEventListener("click", () => slider.zoom(1 / 1.5));
  element("in").addEventListener("click", () => slider.zoom(1.5));
  element("actual").addEventListener("click", () => slider.actual());
  element("fit").addEventListener("click", () => slider.fit());
  element("copy").addEventListener("click", copy);
  const moved = later(300, () => {
    if (parts) lookAhead(album.current, controls.settings, working.signal).catch(() => {});
  });
  slider.onview = moved;
  listenForDrops();
}

function listenForDrops() {
  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      element("drop").hidden = false;
    });
  }
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) element("drop").hidden = true;
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    element("drop").hidden = true;
    take([...event.dataTransfer.files]);
  });
}

/** Call a function when nothing has asked for it for a while. */
function later(milliseconds, call) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, milliseconds);
  };
}
