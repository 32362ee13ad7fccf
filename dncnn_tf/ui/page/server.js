// What the page asks its server for. Failures are lines of text.

/** Upload a file; what there is to say of it. */
export function upload(file) {
  return facts(fetch(`/pictures?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file }));
}

/** The picture that is there at once. */
export function sample() {
  return facts(fetch("/sample", { method: "POST" }));
}

/** Let the server forget pictures, also while the page is being left. */
export function forget(ids) {
  for (const id of ids) fetch(`/pictures/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

/** A part of a result, as an image. */
export async function preview(id, settings, area, signal) {
  const response = await sound(await post(`/pictures/${id}/preview`, { settings, area }, signal));
  return createImageBitmap(await response.blob());
}

/** The command line for pictures. */
export async function command(pictures, settings) {
  return (await sound(await post("/command", { pictures, settings }))).text();
}

/** Make a whole result; onprogress gets the share that is done. */
export function result(id, settings, signal, onprogress) {
  return long(`/pictures/${id}/result`, { settings }, signal, onprogress);
}

/** Make the file, or the ZIP file, that the command writes. */
export function files(pictures, settings, signal, onprogress) {
  return long("/files", { pictures, settings }, signal, onprogress);
}

/** Work whose answer is lines of JSON, the last of which says what came of it. */
async function long(path, order, signal, onprogress) {
  const response = await sound(await post(path, order, signal));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let last = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (text + value).split("\n");
    text = lines.pop();
    for (const line of lines) {
      last = JSON.parse(line);
      if ("progress" in last) onprogress(last.progress);
    }
  }
  if (!last || "progress" in last) throw new Error("the server has stopped");
  if ("error" in last) throw new Error(last.error);
  return last;
}

function post(path, order, signal) {
  return fetch(path, { method: "POST", body: JSON.stringify(order), signal });
}

async function facts(response) {
  return (await sound(await response)).json();
}

async function sound(response) {
  if (!response.ok) throw new Error(await response.text());
  return response;
}
