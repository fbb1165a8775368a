#!/usr/bin/env python3
"""Writes the pictures of the media tests beside itself, byte for byte the same each time.

Every file is put together by hand from its format's definition, so that it holds what the tests
need and nothing else: metadata in every place where formats keep some, and every kind of damage.
"""
import os
import struct
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = b"Erika Musterfotografin"
GPS_PLACE = ((48, 1), (30, 1), (0, 1))


class Bits:
    """Bits with the first one highest (JPEG), or lowest (GIF, WebP)."""

    def __init__(self, low_first=False):
        self.low_first, self.bits = low_first, []

    def put(self, value, n):
        order = range(n) if self.low_first else range(n - 1, -1, -1)
        self.bits.extend(value >> i & 1 for i in order)

    def bytes(self, fill):
        bits = self.bits + [fill] * (-len(self.bits) % 8)
        step = 1 if self.low_first else -1
        return bytes(sum(b << i for i, b in enumerate(bits[at:at + 8][::step]))
                     for at in range(0, len(bits), 8))


# ---- JPEG: ITU T.81 ----

def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def huffman(kind, lengths):
    """A table whose symbols have the given lengths; returns the segment and the codes."""
    counts, symbols = [0] * 16, []
    for symbol, n in sorted(lengths.items(), key=lambda x: (x[1], x[0])):
        counts[n - 1] += 1
        symbols.append(symbol)
    codes, code, at = {}, 0, 0
    for n, count in enumerate(counts, 1):
        for symbol in symbols[at:at + count]:
            codes[symbol] = (code, n)
            code += 1
        at += count
        code <<= 1
    return segment(0xC4, bytes([kind]) + bytes(counts) + bytes(symbols)), codes


def stuffed(data):
    return data.replace(b"\xff", b"\xff\x00")


def frame(marker, width, height, components):
    body = struct.pack(">BHHB", 8, height, width, components)
    return segment(marker, body + b"".join(bytes([i + 1, 0x11, 0]) for i in range(components)))


def scan(components, first, last):
    body = bytes([components]) + b"".join(bytes([i + 1, 0]) for i in range(components))
    return segment(0xDA, body + bytes([first, last, 0]))


def mosaic(width, height, components, extra):
    """A baseline picture of flat squares of 8 x 8: each block is its mean and nothing else."""
    dc_table, dc = huffman(0x00, {n: 4 for n in range(12)})
    ac_table, ac = huffman(0x10, {0: 1})
    bits, before = Bits(), [0] * components
    for y in range((height + 7) // 8):
        for x in range((width + 7) // 8):
            for c in range(components):
                value = ((x * (3 + c) + y * (5 - c) + 40 * c) % 200) - 100
                diff = value - before[c]
                before[c] = value
                n = abs(diff).bit_length()
                bits.put(*dc[n])
                if n:
                    bits.put(diff if diff > 0 else diff + (1 << n) - 1, n)
                bits.put(*ac[0])
    return (b"\xff\xd8" + b"".join(extra) + segment(0xDB, b"\0" + bytes([8] * 64)) +
            frame(0xC0, width, height, components) + dc_table + ac_table +
            scan(components, 0, 63) + stuffed(bits.bytes(1)) + b"\xff\xd9")


def endless_scans(side, scans):
    """Progressive: after the means (all grey), each scan of some forty bytes goes over all blocks
    of the picture again."""
    dc_table, dc = huffman(0x00, {0: 1})
    ac_table, ac = huffman(0x10, {0xE0: 1})
    blocks = ((side + 7) // 8) ** 2
    means, left, bits = Bits(), blocks, Bits()
    for _ in range(blocks):
        means.put(*dc[0])
    while left > 0:
        run = min(left, 32767)
        bits.put(*ac[0xE0])
        bits.put(max(run - 16384, 0), 14)
        left -= run
    body = stuffed(bits.bytes(1))
    return (b"\xff\xd8" + segment(0xDB, b"\0" + bytes([8] * 64)) + frame(0xC2, side, side, 1) +
            dc_table + ac_table + scan(1, 0, 0) + stuffed(means.bytes(1)) +
            b"".join(scan(1, 1 + i % 63, 1 + i % 63) + body for i in range(scans)) +
            b"\xff\xd9")


# ---- metadata ----

def tiff(orientation):
    """Exif 2.32: Orientation, Artist, and a GPS directory."""
    def entry(tag, kind, count, value):
        return struct.pack(">HHI", tag, kind, count) + value

    artist = SECRET + b"\0"
    artist_at = 8 + 2 + 3 * 12 + 4
    gps_at = artist_at + len(artist) + len(artist) % 2
    place_at = gps_at + 2 + 4 * 12 + 4
    place = b"".join(struct.pack(">II", *x) for x in GPS_PLACE)
    first = b"".join([
        entry(0x0112, 3, 1, struct.pack(">HH", orientation, 0)),
        entry(0x013B, 2, len(artist), struct.pack(">I", artist_at)),
        entry(0x8825, 4, 1, struct.pack(">I", gps_at)),
    ])
    gps = b"".join([
        entry(1, 2, 2, b"N\0\0\0"), entry(2, 5, 3, struct.pack(">I", place_at)),
        entry(3, 2, 2, b"E\0\0\0"), entry(4, 5, 3, struct.pack(">I", place_at)),
    ])
    return (b"MM\0*" + struct.pack(">IH", 8, 3) + first + bytes(4) +
            artist + bytes(len(artist) % 2) +
            struct.pack(">H", 4) + gps + bytes(4) + place)


XMP = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
       b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
       b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="' + SECRET +
       b'"/></rdf:RDF></x:xmpmeta>')
IPTC = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", 5 + len(SECRET)) + \
    b"\x1c\x02\x50" + struct.pack(">H", len(SECRET)) + SECRET
EVERYWHERE = [
    segment(0xE1, b"Exif\0\0" + tiff(6)),
    segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
    segment(0xED, IPTC),
    segment(0xFE, b"taken by " + SECRET),
]
ADOBE = segment(0xEE, b"Adobe\0d\0\0\0\0\0")
BROKEN_PROFILE = segment(0xE2, b"ICC_PROFILE\0\x01\x01" + b"acsp" * 40)


# ---- PNG: RFC 2083 ----

def chunk(kind, body):
    return (struct.pack(">I", len(body)) + kind + body +
            struct.pack(">I", zlib.crc32(kind + body)))


def png(width, height, depth, colour, rows, extra=b""):
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)) +
            extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def deep_png():
    rows = b"".join(b"\0" + b"".join(
        struct.pack(">HHHH", x // 25 * 3000, y // 25 * 5000, 21000, 65535 if x > 60 else 30000)
        for x in range(500)) for y in range(300))
    return png(500, 300, 16, 6, rows,
               chunk(b"tEXt", b"Author\0" + SECRET) + chunk(b"eXIf", tiff(1)))


# ---- GIF89a ----

def lzw(pixels):
    """Codes of nine bits for eight-bit pixels, with a clear before the table would grow."""
    bits = Bits(low_first=True)
    for i, p in enumerate(pixels):
        if i % 250 == 0:
            bits.put(256, 9)
        bits.put(p, 9)
    bits.put(257, 9)
    data = bits.bytes(0)
    blocks = [data[i:i + 255] for i in range(0, len(data), 255)]
    return b"\x08" + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


def gif(width, height, frames, frame_side, comment=b""):
    palette = bytes(v for i in range(256) for v in (i, 255 - i, i * 7 % 256))
    out = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + palette
    out += b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    if comment:
        out += b"\x21\xfe" + bytes([len(comment)]) + comment + b"\0"
    for f in range(frames):
        w, h = frame_side or (width, height)
        pixels = [(x + y + 60 * f) % 256 for y in range(h) for x in range(w)]
        out += b"\x21\xf9\x04\0\x0a\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, w, h, 0)
        out += lzw(pixels)
    return out + b";"


# ---- WebP: RFC 9649 ----

def webp(width, height, argb):
    bits = Bits(low_first=True)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(0, 1 + 3)  # alpha not used, version
    bits.put(0, 3)      # no transform, no cache, no meta codes
    for symbol in (argb[2], argb[1], argb[3], argb[0], 0):
        bits.put(1 | 0 << 1 | 1 << 2, 3)  # a code of one symbol of eight bits
        bits.put(symbol, 8)

    def riff(kind, body):
        return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = (b"WEBP" + riff(b"VP8X", bytes([0x08 | 0x04, 0, 0, 0]) + size) +
            riff(b"VP8L", b"\x2f" + bits.bytes(0)) + riff(b"EXIF", tiff(1)) +
            riff(b"XMP ", XMP))
    return riff(b"RIFF", body)


SVG = (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="400" '
       b'height="300"><script>alert(1)</script><rect width="400" height="300"/></svg>\n')


def main():
    everywhere = mosaic(1600, 900, 3, EVERYWHERE)
    files = {
        "everywhere.jpg": everywhere,
        "truncated.jpg": everywhere[:len(everywhere) // 2],
        "cmyk.jpg": mosaic(640, 400, 4, [ADOBE]),
        "profile.jpg": mosaic(320, 200, 3, [BROKEN_PROFILE]),
        "polyglot.jpg": mosaic(320, 200, 3, [segment(0xFE, b"<script>alert(1)</script>")]) +
                        b"<?php system('id'); ?>PK\x03\x04",
        "scans.jpg": endless_scans(6300, 63),
        "deep.png": deep_png(),
        "bomb.png": png(30000, 30000, 8, 2, bytes(1000)),
        "damaged.png": deep_png().replace(b"IDAT", b"IDAT\xff\xff", 1),
        "animated.gif": gif(120, 90, 3, None, b"by " + SECRET),
        "frames.gif": gif(100, 100, 201, (1, 1)),
        "tracker.gif": gif(1, 1, 1, None),
        "metadata.webp": webp(600, 420, (255, 0x20, 0x80, 0xC0)),
        "drawing.svg": SVG,
        "archive.jpg": b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(60),
        "empty.jpg": b"",
    }
    for name, data in files.items():
        with open(os.path.join(HERE, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
