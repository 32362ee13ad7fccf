// What the page's controls say.

const element = (id) => document.getElementById(id);

export class Controls {
  /**
   * @param onnetwork called when something changed that the network has to work for.
   * @param onlook called when something changed that does not.
   */
  constructor(onnetwork, onlook) {
    this.form = element("settings");
    this.tasks = element("tasks");
    this.strength = element("strength");
    this.sigma = element("sigma");
    this.model = element("model");
    this.side = element("side");
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const control of [this.tasks, this.model, this.sigma]) control.addEventListener("change", onnetwork);
    for (const control of [this.strength, this.side]) control.addEventListener("input", onlook);
  }

  /** For the server. */
  get settings() {
    const [task, scale] = this.tasks.querySelector(":checked").value.split(" ");
    const sigma = this.sigma.validity.valid ? this.sigma.valueAsNumber : NaN;
    return {
      task,
      scale: Number(scale ?? 2),
      model: this.model.value || "auto",
      sigma: Number.isNaN(sigma) ? null : sigma,
      strength: this.strength.valueAsNumber,
    };
  }

  get gain() {
    return Number(this.side.value);
  }

  /** How many times as wide and high results are. */
  get enlargement() {
    const { task, scale } = this.settings;
    return task === "upscale" ? scale : 1;
  }

  /** Bring what is shown in line with what is chosen. */
  update(picture) {
    const denoising = this.settings.task === "denoise";
    document.body.dataset.task = this.settings.task;
    for (const label of this.form.querySelectorAll(".denoising")) label.hidden = !denoising;
    element("strength-text").textContent = `${Math.round(100 * this.strength.valueAsNumber)} %`;
    if (!picture) return;
    if (!this.model.length) this.model.append(...picture.models.map((name) => new Option(name, name)));
  }

  /** The noise of a picture, the model that is taken, and why. */
  noiseAndModel(picture, taken) {
    const { task, model, sigma } = this.settings;
    if (task !== "denoise") return picture.noise;
    if (model !== "auto") return `${picture.noise}, ${model} by choice`;
    this.model.options[0].textContent = `auto (${taken})`;
    return sigma === null ? `${picture.noise}, so ${taken}` : `σ ${sigma} given, so ${taken}`;
  }
}
