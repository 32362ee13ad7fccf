"""One 512×512 PNG from the command line, cold start to file written, beside a minimal PyTorch script doing the same.

    python -m benchmarks.speed.cold_start    # needs pip install torch openvino onnx onnxruntime ai-edge-litert

All take turns; every figure is of whole processes, with the files in the operating system's cache, and but for the
first row with what earlier runs have compiled. Results: cold_start.md.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import skimage.data
from PIL import Image

from benchmarks.common.page import write_page
from dncnn_tf.data.degradations import add_gaussian_noise
from dncnn_tf.export.exports import export_tflite
from dncnn_tf.images.arrays import from_float
from dncnn_tf.models.source import find_source
from dncnn_tf.models.weights import read_network

TABLE = Path(__file__).with_name("cold_start.md")
MODEL, SIGMA = "dncnn-b", 25
FIRST = "`denoise` (auto), for the first time on this machine"

# As short as such scripts are: weights, image, network, image.
TORCH = """
import sys
import numpy as np
import torch
from PIL import Image
from torch import nn

weights, source, target, kind = sys.argv[1:]
layers = []
for kernel, bias in torch.load(weights):
    conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
    conv.weight.data, conv.bias.data = kernel, bias
    layers += [conv, nn.ReLU(inplace=True)]
net = nn.Sequential(*layers[:-1]).eval()
x = torch.from_numpy(np.asarray(Image.open(source), np.float32) / 255)[None, None]
with torch.inference_mode():
    if kind == "bfloat16":
        net = net.to(torch.bfloat16, memory_format=torch.channels_last)
        y = x - net(x.to(torch.bfloat16, memory_format=torch.channels_last)).float()
    else:
        y = x - net(x)
Image.fromarray((y[0, 0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()).save(target)
"""


@click.command()
@click.option("--rounds", default=7, show_default=True)
def main(rounds: int) -> None:
    """Measure and write the table."""
    with tempfile.TemporaryDirectory() as work:
        commands = contenders(Path(work))
        times: dict[str, list[float]] = {name: [] for name in commands}
        reference = None
        for turn in range(rounds + 1):
            for name, (command, target) in commands.items():
                target.unlink(missing_ok=True)
                cache = Path(work) / (f"first-{turn}" if name == FIRST else "cache")
                environment = os.environ | {"DNCNN_TF_CACHE_DIR": str(cache)}
                start = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True, env=environment)
                if turn:  # the first one fills the cache
                    times[name].append(time.perf_counter() - start)
                result = np.asarray(Image.open(target), int)
                reference = result if reference is None else reference
                if np.abs(result - reference).max() > (16 if "int8" in name else 4):
                    raise click.ClickException(f"{name}: another picture than the first contender's")
    best_torch = min(statistics.median(taken) for name, taken in times.items() if name.startswith("PyTorch"))
    lines = ["| | seconds, median | slowest | × PyTorch's best |", "|---|--:|--:|--:|"]
    for name, taken in times.items():
        middle = statistics.median(taken)
        lines.append(f"| {name} | {middle:.2f} | {max(taken):.2f} | {best_torch / middle:.2f} |")
    click.echo("\n".join(lines))
    write_page(
        TABLE,
        "One 512×512 PNG, cold start to file written",
        f"`python -m benchmarks.speed.cold_start`: grey, `{MODEL}`, {rounds} rounds in turns.",
        lines,
    )


def contenders(work: Path) -> dict[str, tuple[list[str], Path]]:
    """Each command with the file that it writes."""
    import torch

    source, target = work / "noisy.png", work / "result.png"
    clean = np.asarray(Image.fromarray(skimage.data.camera()).resize((512, 512)), np.float32) / 255
    Image.fromarray(from_float(add_gaussian_noise(clean, SIGMA, np.random.default_rng(0)), np.uint8)).save(source)
    network = read_network(find_source(MODEL))
    weights = [
        (torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()), torch.from_numpy(bias))
        for kernel, bias in zip(network.kernels, network.biases, strict=True)
    ]
    torch.save(weights, work / "weights.pt")
    (work / "script.py").write_text(TORCH, encoding="utf-8")
    lite = export_tflite(MODEL, work).path

    def ours(model: str | Path, *options: str) -> tuple[list[str], Path]:
        program = str(Path(sys.executable).with_name("dncnn-tf"))
        return [program, "denoise", str(source), "-o", str(target), "--model", str(model), *options], target

    def torch_script(kind: str) -> tuple[list[str], Path]:
        return [sys.executable, *map(str, (work / "script.py", work / "weights.pt", source, target)), kind], target

    return {
        FIRST: ours(MODEL),
        "`denoise` (auto)": ours(MODEL),
        "`--engine openvino --precision float32`": ours(MODEL, "--engine", "openvino", "--precision", "float32"),
        "`--engine openvino --precision bfloat16`": ours(MODEL, "--engine", "openvino", "--precision", "bfloat16"),
        "`--engine openvino --precision int8`": ours(MODEL, "--engine", "openvino", "--precision", "int8"),
        "`--engine onnxruntime`": ours(MODEL, "--engine", "onnxruntime"),
        "a `.tflite` file (LiteRT)": ours(lite),
        "`--engine keras`": ours(MODEL, "--engine", "keras"),
        "PyTorch script, float32": torch_script("float32"),
        "PyTorch script, bfloat16, channels_last": torch_script("bfloat16"),
    }


if __name__ == "__main__":
    main()
