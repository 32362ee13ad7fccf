// Shows that something is going on, and how far it is where that is known.

const [box, bar, button] = ["work", "progress", "cancel"].map((id) => document.getElementById(id));
const tasks = new Set();

/** Begin something; `cancel`, if it can be cancelled, is called when that is asked for. */
export function begin(cancel = null) {
  const task = { cancel, share: 0 };
  tasks.add(task);
  show();
  return {
    update(share) {
      task.share = share;
      show();
    },
    end() {
      tasks.delete(task);
      show();
    },
  };
}

button.addEventListener("click", () => {
  for (const { cancel } of tasks) cancel?.();
});

function show() {
  const all = [...tasks];
  const known = all.findLast(({ share }) => share > 0);
  box.hidden = !all.length;
  button.hidden = !all.some(({ cancel }) => cancel);
  if (known) bar.value = known.share;
  else bar.removeAttribute("value");
}
