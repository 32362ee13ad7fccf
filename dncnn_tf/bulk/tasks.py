"""Denoise, upscale and deblock files, here, on a cluster or on a server: what a Python user and the commands call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..restoration.shares import Shares, require_sigma
from ..restoration.tiling import require_parts
from .plan import Input, Output, Results
from .rules import FileRules
from .run import Work, run
from .tally import Failure, Listeners, Tally

if TYPE_CHECKING:
    from ..engines.opening import ModelLike
    from ..restoration.tiling import Tile

_RULES = FileRules()
_DENOISED = "_denoised"
_COMPARISONS: dict[bool | str, str] = {True: "compare.png", "png": "compare.png", "html": "compare.html"}


def denoise_files(
    inputs: Input | Sequence[Input],
    output: Output | None = None,
    *,
    rules: FileRules = _RULES,
    model: ModelLike = "auto",
    sigma: float | None = None,
    strength: float = 1.0,
    luma: float = 1.0,
    chroma: float = 1.0,
    save_noise: bool = False,
    compare: bool | str = False,
    tile: Tile = "auto",
    max_memory: int | None = None,
    precision: str = "auto",
    engine: str = "auto",
    trust: bool = False,
    on: str = "local",
    actors: int | None = None,
    dry_run: bool = False,
    progress: Callable[[float, int], None] | None = None,
    note: Callable[[str], None] | None = None,
    on_done: Callable[[Path | None, Path | None], None] | None = None,
    on_failure: Callable[[Failure], None] | None = None,
) -> Tally:
    """Remove the noise from image files; nothing else about them changes.

    Each result is written whole or not at all, and the failure of one file stops no other.

    Args:
        inputs: files, folders, globs or URLs (s3://…), or one binary stream that holds a file.
        output: a file, a folder, a URL or a binary stream; None for beside each input.
        rules: which files are read, and how results are named and written.
        model: as for `dncnn_tf.denoise`; "auto" chooses for each picture by its colour and what its noise is. On Ray,
            a name or a path that all machines reach.
        sigma: level of white noise on the 0–255 scale, None to estimate for each picture what its noise is.
        strength: share of the noise to subtract, from 0 to 1.
        luma, chroma: shares of its grain and of its blotches of colour, on top of that, as for `dncnn_tf.denoise`.
        save_noise: also write what was removed, on mid-grey: NAME_denoised_noise.png.
        compare: also write before and after: True or "png" for side by side, NAME_denoised_compare.png; "html" for one
            file that holds a page with both under a slider, NAME_denoised_compare.html.
        tile, max_memory, precision, engine, trust: as for `dncnn_tf.denoise`.
        on: "local", or "ray" for a Ray cluster: the one that this process is connected to, or RAY_ADDRESS's, or one
            that lives as long as the call.
        actors: processes that Ray starts, each with the network; None for one on each machine.
        dry_run: only say what would be done, to `on_done`.
        progress: called with the number of inputs that are done, and shares of one, and with how many there are.
        note: called with remarks for people, each one line: the noise and the model, what a result does not keep.
        on_done: called with each input and its result when that is written; None stands for a stream.
        on_failure: called with each input that failed.

    Returns:
        How many are done and skipped, and what failed, with the reason.

    Raises:
        OptionError: something is out of its range, or does not go together; nothing was done.
        ModelError: the model cannot be loaded.
        RayError: Ray cannot do it.
    """
    shares = Shares(strength, luma, chroma)
    require_sigma(sigma)
    require_parts(tile, max_memory)
    if compare not in (False, *_COMPARISONS):
        raise OptionError(f"`compare` must be png or html. Received: {compare}")
    extras = (*(("noise.png",) if save_noise else ()), *((_COMPARISONS[compare],) if compare else ()))

    def make_restorer(**given: Any) -> Any:
        from .denoiser import Denoiser
        from .restorer import NetworkOptions

        network = NetworkOptions(tile, max_memory, precision, engine, trust)
        return Denoiser(model=model, sigma=sigma, shares=shares, network=network, **given)

    work = Work(Results(_DENOISED, extras, ("noise", "compare")), make_restorer, on, actors, dry_run)
    return run(inputs, output, rules, work, Listeners(progress, note, on_done, on_failure))


def upscale_files(
    inputs: Input | Sequence[Input],
    output: Output | None = None,
    *,
    scale: int,
    rules: FileRules = _RULES,
    model: ModelLike = "dncnn-3",
    tile: Tile = "auto",
    max_memory: int | None = None,
    precision: str = "auto",
    engine: str = "auto",
    trust: bool = False,
    on: str = "local",
    actors: int | None = None,
    dry_run: bool = False,
    progress: Callable[[float, int], None] | None = None,
    note: Callable[[str], None] | None = None,
    on_done: Callable[[Path | None, Path | None], None] | None = None,
    on_failure: Callable[[Failure], None] | None = None,
) -> Tally:
    """Enlarge image files by super-resolution.

    Args:
        inputs, output, rules: as for `denoise_files`; the suffix is "_upscaled".
        scale: 2, 3 or 4.
        model: a general model, as for `dncnn_tf.upscale`.
        tile, max_memory, precision, engine, trust: as for `dncnn_tf.denoise`.
        on, actors, dry_run, progress, note, on_done, on_failure: as for `denoise_files`.

    Returns:
        As `denoise_files`.

    Raises:
        OptionError, ModelError, RayError: as for `denoise_files`.
    """

    require_parts(tile, max_memory)

    def make_restorer(**given: Any) -> Any:
        from .general import Upscaler
        from .restorer import NetworkOptions

        network = NetworkOptions(tile, max_memory, precision, engine, trust)
        return Upscaler(model=model, scale=scale, network=network, **given)

    work = Work(Results("_upscaled"), make_restorer, on, actors, dry_run)
    return run(inputs, output, rules, work, Listeners(progress, note, on_done, on_failure))


def deblock_files(
    inputs: Input | Sequence[Input],
    output: Output | None = None,
    *,
    rules: FileRules = _RULES,
    model: ModelLike = "dncnn-3",
    tile: Tile = "auto",
    max_memory: int | None = None,
    precision: str = "auto",
    engine: str = "auto",
    trust: bool = False,
    on: str = "local",
    actors: int | None = None,
    dry_run: bool = False,
    progress: Callable[[float, int], None] | None = None,
    note: Callable[[str], None] | None = None,
    on_done: Callable[[Path | None, Path | None], None] | None = None,
    on_failure: Callable[[Failure], None] | None = None,
) -> Tally:
    """Take JPEG's blocks and ringing away from image files; a JPEG result is not coded as coarsely again.

    Args:
        inputs, output, rules: as for `denoise_files`; the suffix is "_deblocked".
        model: a general model, as for `dncnn_tf.deblock`.
        tile, max_memory, precision, engine, trust: as for `dncnn_tf.denoise`.
        on, actors, dry_run, progress, note, on_done, on_failure: as for `denoise_files`.

    Returns:
        As `denoise_files`.

    Raises:
        OptionError, ModelError, RayError: as for `denoise_files`.
    """

    require_parts(tile, max_memory)

    def make_restorer(**given: Any) -> Any:
        from .general import Deblocker
        from .restorer import NetworkOptions

        return Deblocker(model=model, network=NetworkOptions(tile, max_memory, precision, engine, trust), **given)

    work = Work(Results("_deblocked"), make_restorer, on, actors, dry_run)
    return run(inputs, output, rules, work, Listeners(progress, note, on_done, on_failure))


def request_files(
    inputs: Input | Sequence[Input],
    output: Output | None = None,
    *,
    rules: FileRules = _RULES,
    url: str = "grpc://127.0.0.1:8500",
    model: str = "dncnn-b",
    version_number: int | None = None,
    timeout: float = 60.0,
    strength: float = 1.0,
    luma: float = 1.0,
    chroma: float = 1.0,
    on: str = "local",
    actors: int | None = None,
    dry_run: bool = False,
    progress: Callable[[float, int], None] | None = None,
    note: Callable[[str], None] | None = None,
    on_done: Callable[[Path | None, Path | None], None] | None = None,
    on_failure: Callable[[Failure], None] | None = None,
) -> Tally:
    """Denoise image files with a model that TensorFlow Serving serves.

    Args:
        inputs, output, rules: as for `denoise_files`.
        url: as for `Client`: "grpc://HOST:PORT", "unix:/SOCKET", or "http://HOST:PORT" for REST; "grpcs" and "https"
            over TLS.
        model: its name on the server.
        version_number: None for the newest.
        timeout: seconds that one request, of a picture or a part of it, may take with all its attempts.
        strength: share of the noise to subtract, from 0 to 1.
        luma, chroma: shares of its grain and of its blotches of colour, on top of that, as for `dncnn_tf.denoise`.
        on, actors, dry_run, progress, note, on_done, on_failure: as for `denoise_files`.

    Returns:
        As `denoise_files`.

    Raises:
        OptionError, RayError: as for `denoise_files`.
        ServingError: there is no such server or model.
    """
    shares = Shares(strength, luma, chroma)

    def make_restorer(*, note: Callable[[str], None], **_: Any) -> Any:
        from ..engines.serving import Client
        from .remote import Requester

        return Requester(Client(url, model, version_number=version_number, timeout=timeout), shares, note=note)

    work = Work(Results(_DENOISED, (), ("noise", "compare")), make_restorer, on, actors, dry_run)
    return run(inputs, output, rules, work, Listeners(progress, note, on_done, on_failure))
