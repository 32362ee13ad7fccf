"""The page and what it asks for, as a web application."""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import secrets
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..errors import DnCNNError, OptionError, as_options, describe, describe_of
from ..images.picture import ImageError
from .pictures import UploadedPicture, new_file, said
from .sample import write_sample
from .settings import Settings
from .streams import Streams
from .tiles import SIDE, tile
from .work import Cancelled, Progress, Workshop

_BYTES_PER_PIXEL, _BYTES_BESIDE = 16, 2**26  # RGBA in float32, and what else a file may hold
_LONGEST_ORDER = 2**20
_PREVIEW = SIDE**2  # pixels of a result that are done at once


class Application:
    """Holds the pictures of every page that is open.

    Args:
        folder: where to put them.
        max_pixels: of a picture that is read.
    """

    def __init__(self, folder: Path, max_pixels: int) -> None:
        self._folder, self._max_pixels = folder, max_pixels
        self._pictures: dict[str, UploadedPicture] = {}
        self._files: dict[str, Path] = {}
        self._workshop = Workshop(max_pixels)
        self.streams = Streams()

    def asgi(self) -> Starlette:
        """Its routes."""
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/page/{name}", self.page),
                Route("/sample", self.sample, methods=["POST"]),
                Route("/pictures", self.upload, methods=["POST"]),
                Route("/pictures/{id}", self.forget, methods=["DELETE"]),
                Route("/pictures/{id}/tiles/{which}/{enlargement:int}/{level:int}/{x:int}/{y:int}", self.tile),
                Route("/pictures/{id}/preview", self.preview, methods=["POST"]),
                Route("/pictures/{id}/result", self.result, methods=["POST"]),
                Route("/command", self.command, methods=["POST"]),
                Route("/files", self.make_file, methods=["POST"]),
                Route("/files/{id}", self.file),
            ],
            exception_handlers={DnCNNError: _refused, ClientDisconnect: _gone, Exception: _failed},
        )

    def page(self, request: Request) -> Response:
        """A file of the page."""
        name = request.path_params.get("name", "index.html")
        for room in ("dncnn_tf.ui", "dncnn_tf.viewing"):
            file = importlib.resources.files(room) / ("page" if room == "dncnn_tf.ui" else "") / name
            if Path(name).suffix in (".html", ".css", ".js", ".svg") and file.is_file():
                return FileResponse(str(file))
        raise HTTPException(404)

    def sample(self, request: Request) -> Response:
        """A picture that is there at once."""
        return self._take(write_sample(new_file(self._folder, "sample.png")))

    async def upload(self, request: Request) -> Response:
        """A file of the user's, as the request's body."""
        file = new_file(self._folder, request.query_params.get("name", ""))
        most = _BYTES_PER_PIXEL * self._max_pixels + _BYTES_BESIDE
        with file.open("wb") as target:
            async for part in request.stream():
                target.write(part)
                if target.tell() > most:
                    file.unlink()
                    raise ImageError(f"{file.name}: too large, more than {most / 2**20:.0f} MB")
        return await run_in_threadpool(self._take, file)

    def _take(self, file: Path) -> Response:
        try:
            picture = UploadedPicture.read(file, self._max_pixels)
        except Exception as failure:  # whatever is wrong with it, the page goes on
            line = said(describe_of(failure, file), file)
            with contextlib.suppress(OSError):
                file.unlink()
            raise ImageError(line) from failure
        self._pictures[picture.id] = picture
        facts = picture.facts()
        return JSONResponse({**facts, "remarks": list(map(as_options, facts["remarks"]))})

    def forget(self, request: Request) -> Response:
        """The page needs a picture no more."""
        self._workshop.forget(self._picture(request))
        del self._pictures[request.path_params["id"]]
        return Response(status_code=204)

    def tile(self, request: Request) -> Response:
        """A part of a picture, or of a result, to be shown."""
        picture = self._picture(request)
        which, enlargement, level, x, y = (
            request.path_params[name] for name in ("which", "enlargement", "level", "x", "y")
        )
        if not (1 <= enlargement <= 4 and level <= 16):
            raise HTTPException(404)
        try:
            pixels = picture.shown if which == "before" else self._workshop.shown(picture, which).pixels
            content = tile(pixels, x, y, level=level, enlargement=enlargement, icc=picture.icc)
        except (KeyError, IndexError, FileNotFoundError) as failure:
            raise HTTPException(404) from failure
        return Response(content, media_type="image/png")

    async def preview(self, request: Request) -> Response:
        """The part of a result that is seen."""
        picture, order = self._picture(request), await _order(request)
        settings = Settings.of(order.get("settings"))
        area = order.get("area")
        height, width = picture.shown.shape[:2]
        if not (isinstance(area, list) and len(area) == 4 and all(isinstance(side, int) for side in area)):
            raise OptionError("`area` is x, y, width and height, in pixels")
        x, y, across, down = area
        inside = x >= 0 and y >= 0 and across > 0 and down > 0 and x + across <= width and y + down <= height
        if not inside or across * down * settings.enlargement**2 > _PREVIEW:
            raise OptionError(f"`area` is a part of the picture, of at most {_PREVIEW} pixels of the result")
        content = await run_in_threadpool(self._workshop.preview, picture, settings, x, y, across, down)
        return Response(content, media_type="image/png")

    async def result(self, request: Request) -> Response:
        """The whole result, made while the page waits; tiles of it can then be asked for."""
        picture, order = self._picture(request), await _order(request)
        settings = Settings.of(order.get("settings"))

        def work(progress: Progress, cancelled: Cancelled) -> dict[str, Any]:
            shown = self._workshop.result(picture, settings, progress, cancelled)
            return {
                "id": shown.id,
                "enlargement": settings.enlargement,
                "model": picture.model(settings),
                "remarks": list(map(as_options, shown.remarks)),
            }

        return self.streams.answer(work, lambda line: said(line, picture.file))

    async def command(self, request: Request) -> Response:
        """The command line that does what the page shows."""
        order = await _order(request)
        pictures, settings = self._ordered(order)
        return PlainTextResponse(settings.command([each.file.name for each in pictures], self._max_pixels))

    async def make_file(self, request: Request) -> Response:
        """The file that the command writes, of several pictures in a ZIP file; the answer says where it is."""
        pictures, settings = self._ordered(await _order(request))
        first = pictures[0]

        def work(progress: Progress, cancelled: Cancelled) -> dict[str, Any]:
            if len(pictures) == 1:
                file, failure = self._workshop.file(first, settings, progress, cancelled)
                if file is None:
                    return {"error": failure}
                return self._offer(file, [])
            target = new_file(self._folder, f"{settings.task}.zip")
            lines = self._workshop.archive(pictures, settings, target, progress, cancelled)
            return self._offer(target, lines)

        return self.streams.answer(work, lambda line: said(line, first.file))

    def _offer(self, file: Path, failures: list[str]) -> dict[str, Any]:
        id = secrets.token_urlsafe(16)
        self._files[id] = file
        return {"file": f"/files/{id}", "name": file.name, "failures": failures}

    def file(self, request: Request) -> Response:
        """A file that was made."""
        file = self._files.get(request.path_params["id"])
        if file is None or not file.exists():
            raise HTTPException(404)
        return FileResponse(file, filename=file.name, media_type="application/octet-stream")

    def _picture(self, request: Request) -> UploadedPicture:
        return self._known(request.path_params["id"])

    def _known(self, id: Any) -> UploadedPicture:
        if not isinstance(id, str) or id not in self._pictures:
            raise HTTPException(404, "this picture is not here any more; drop it again")
        return self._pictures[id]

    def _ordered(self, order: dict[str, Any]) -> tuple[list[UploadedPicture], Settings]:
        wanted = order.get("pictures")
        if not isinstance(wanted, list) or not wanted:
            raise OptionError("`pictures` is a list of at least one")
        return list(map(self._known, wanted)), Settings.of(order.get("settings"))


async def _order(request: Request) -> dict[str, Any]:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _LONGEST_ORDER:
            raise OptionError("too long for an order")
    try:
        order = json.loads(content)
    except ValueError:
        order = None
    if not isinstance(order, dict):
        raise OptionError("an order is a JSON object")
    return order


def _refused(request: Request, failure: Exception) -> Response:
    return PlainTextResponse(as_options(str(failure)), 422)


def _failed(request: Request, failure: Exception) -> Response:
    return PlainTextResponse(describe(failure), 500)


def _gone(request: Request, failure: Exception) -> Response:
    return Response(status_code=499)
