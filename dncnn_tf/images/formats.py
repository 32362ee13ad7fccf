"""What image files can be read and written; no imports, so that commands answer at once."""

SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".pgm": "PPM",
    ".ppm": "PPM",
    ".pnm": "PPM",
    ".tga": "TGA",
    ".jp2": "JPEG2000",
    ".avif": "AVIF",
}
"""Endings of the files that can be read and written, and their format."""

READABLE = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF", "JPEG2000", "AVIF", "TGA")
"""By Pillow's names, the formats that can be read, whatever a file's ending."""

SUFFIX_OF = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif", "webp": ".webp", "bmp": ".bmp"}
"""What the names of results end in, by the format that was asked for."""

FORMATS = ("keep", *SUFFIX_OF)
"""Formats that can be asked for; "keep" is the input's own."""

MAX_PIXELS = 179_000_000
"""Of a picture that is read where nothing else is said: more may be an attack on memory."""
