// A file with its pictures: what is chosen is shown under the slider; tables can be sorted.

const element = (id) => document.getElementById(id);
const entries = JSON.parse(element("entries").textContent);
const slider = new Slider(element("stage"));
const sides = [element("left"), element("right")];
let pictures = {};

/** Show an entry: its first picture left, its second right. */
async function open(number) {
  const { name, caption, files } = entries[number];
  [element("name").textContent, element("caption").textContent] = [name, caption];
  pictures = {};
  for (const [kind, id] of Object.entries(files)) pictures[kind] = await picture(id);
  sides.forEach((side, i) => {
    side.replaceChildren(...Object.keys(files).map((kind) => new Option(kind, kind)));
    side.selectedIndex = i;
  });
  for (const button of document.querySelectorAll(".index button")) {
    button.setAttribute("aria-pressed", button.value === String(number));
  }
  show({ fresh: true });
}

function show(how) {
  slider.names = sides.map((side) => side.value);
  slider.gain = Number(element("gain").value);
  const [left, right] = slider.names.map((kind) => pictures[kind]);
  slider.show(left, right, left, how);
}

async function picture(id) {
  const image = new Image();
  image.src = `data:image/png;base64,${element(id).textContent}`;
  await image.decode();
  return new Whole(image);
}

function sort(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  const value = (row) => row.cells[column].textContent;
  const compare = (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true });
  const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? compare(b, a) : compare(a, b)));
  table.tBodies[0].append(...rows);
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
}

for (const control of [...sides, element("gain")]) control.addEventListener("input", () => show());
element("actual").addEventListener("click", () => slider.actual());
element("fit").addEventListener("click", () => slider.fit());
for (const button of document.querySelectorAll(".index button")) {
  button.addEventListener("click", () => {
    open(Number(button.value));
    element("viewer").scrollIntoView({ block: "nearest" });
  });
}
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sort(button.parentNode));
}
open(0);
