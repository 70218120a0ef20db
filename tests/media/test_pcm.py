"""Audio in shared memory: what is written is read, and a lying peer cannot hurt a reader."""

from __future__ import annotations

import mmap
import os
import random
import struct

import numpy as np
import pytest

from runtime.media.pcm import PcmBuffer, PcmError, PcmRing, PcmState, Samples


def _ramp(start: int, count: int) -> Samples:
    return (np.arange(start, start + count) % 30000).astype(np.int16)


def _stereo(start: int, count: int) -> Samples:
    left = _ramp(start, count)
    return np.stack((left, -left), axis=1)


def test_a_reader_follows_a_buffer_while_it_fills() -> None:
    writer = PcmBuffer.create(8000, capacity_s=1)
    reader = PcmBuffer.attach(writer.fd)
    assert (reader.rate_hz, reader.channels, reader.capacity_frames) == (8000, 1, 8000)
    assert (reader.valid_samples, reader.state) == (0, PcmState.FILLING)
    assert writer.append(_ramp(0, 5000)) == 5000
    assert reader.valid_samples == 5000
    assert writer.append(_ramp(5000, 5000)) == 3000  # as much as fits
    writer.finish()
    assert (reader.valid_samples, reader.state, reader.duration_s) == (8000, PcmState.DONE, 1.0)
    assert np.array_equal(reader.samples, _ramp(0, 8000))
    writer.close()
    assert np.array_equal(reader.samples, _ramp(0, 8000))  # the reader keeps it alive
    reader.close()
    reader.close()
    assert (reader.valid_samples, reader.capacity_frames) == (0, 0)


def test_a_reader_cannot_write() -> None:
    writer = PcmBuffer.create(capacity_s=0.1)
    reader = PcmBuffer.attach(writer.fd)
    with pytest.raises(ValueError, match="read-only"):
        reader.append(_ramp(0, 10))
    second = PcmBuffer.attach(writer.fd, writable=True)
    second.append(_ramp(0, 10))
    second.finish(failed=True)
    assert reader.state is PcmState.FAILED
    for each in (writer, reader, second):
        each.close()


def test_closing_while_a_slice_is_in_use_is_harmless() -> None:
    buffer = PcmBuffer.create(capacity_s=0.1)
    buffer.append(_ramp(0, 10))
    used = buffer.samples[:10]
    buffer.close()
    assert list(used) == list(range(10))


def test_memory_is_sealed_and_costs_nothing_until_written() -> None:
    buffer = PcmBuffer.create()
    with pytest.raises(PermissionError):
        os.ftruncate(buffer.fd, 64)
    with pytest.raises(PermissionError):
        os.ftruncate(buffer.fd, 1 << 30)
    assert buffer.capacity_frames == 3600 * 8000
    assert os.fstat(buffer.fd).st_blocks * 512 <= 2 * mmap.PAGESIZE
    buffer.close()


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(7999, 1, 1), (8000, 3, 1), (8000, 1, 0)]
)
def test_an_impossible_shape_is_refused(rate: int, channels: int, seconds: float) -> None:
    with pytest.raises(ValueError):
        PcmBuffer.create(rate, channels=channels, capacity_s=seconds)
    with pytest.raises(ValueError, match="do not fit"):
        PcmBuffer.create(48000, channels=2, capacity_s=1e6)


def _memfd(content: bytes, *, sealed: bool = True) -> int:
    import fcntl

    fd = os.memfd_create("hostile", os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    if sealed:
        seals = fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def _header(magic: bytes = b"CSPCMBUF", rate: int = 8000, channels: int = 1) -> bytes:
    return struct.pack("=8sII", magic, rate, channels).ljust(64, b"\0")


@pytest.mark.parametrize(
    ("content", "sealed"),
    [
        (_header() + bytes(100), False),
        (b"", True),
        (_header()[:30], True),
        (_header(), True),
        (_header() + bytes(3), True),
        (_header(b"CSPCMRNG") + bytes(100), True),
        (_header(rate=0) + bytes(100), True),
        (_header(rate=10**9) + bytes(100), True),
        (_header(channels=0) + bytes(100), True),
        (_header(channels=2) + bytes(102), True),
    ],
    ids=["not sealed", "empty", "cut header", "no samples", "odd", "a ring", "no rate",
         "mad rate", "no channel", "half a frame"],
)  # fmt: skip
def test_attach_refuses_what_is_not_ours(content: bytes, sealed: bool) -> None:
    fd = _memfd(content, sealed=sealed)
    with pytest.raises(PcmError):
        PcmBuffer.attach(fd)
    os.close(fd)


def test_attach_refuses_pipes_files_and_closed_descriptors() -> None:
    reader, writer = os.pipe()
    null = os.open("/dev/null", os.O_RDONLY)
    for fd in (reader, writer, null):
        with pytest.raises(PcmError):
            PcmRing.attach(fd)
        os.close(fd)
    with pytest.raises(PcmError):
        PcmRing.attach(null)


def test_a_lying_writer_cannot_make_a_reader_read_too_far() -> None:
    writer = PcmBuffer.create(capacity_s=0.1)
    reader = PcmBuffer.attach(writer.fd)
    os.pwrite(writer.fd, struct.pack("=QQ", 2**64 - 1, 77), 16)
    assert reader.valid_samples == reader.capacity_frames == 800
    assert reader.state is PcmState.FAILED
    writer.close()
    reader.close()


def test_a_ring_carries_more_than_it_holds() -> None:
    writer = PcmRing.create(capacity_s=0.1)
    reader = PcmRing.attach(writer.fd, writable=True)
    got = []
    for n in range(100):
        writer.write(_stereo(n * 160, 160))
        if n % 3 == 2:
            frames, lost = reader.read()
            assert lost == 0
            got.append(frames)
    writer.close_writing()
    assert reader.closed
    frames, lost = reader.read()
    got.append(frames)
    assert np.array_equal(np.concatenate(got), _stereo(0, 16000))
    assert (lost, writer.lost_frames, writer.write_frames) == (0, 0, 16000)
    writer.close()
    reader.close()


def test_a_late_reader_learns_how_much_it_lost() -> None:
    writer = PcmRing.create(channels=2, capacity_s=0.1)
    reader = PcmRing.attach(writer.fd, writable=True)
    for n in range(10):
        writer.write(_stereo(n * 160, 160))
    frames, lost = reader.read()
    assert lost == 1600 - 700  # an eighth of the ring is left to the writer
    assert np.array_equal(frames, _stereo(900, 700))
    assert writer.lost_frames == 900
    assert reader.read()[1] == 0
    writer.close()
    reader.close()


def test_a_limited_read_leaves_the_rest() -> None:
    ring = PcmRing.create(channels=1, capacity_s=0.1)
    ring.write(_ramp(0, 320).reshape(-1, 1))
    first, _ = ring.read(limit=200)
    rest, _ = ring.read()
    assert (len(first), len(rest)) == (200, 120)
    assert np.array_equal(rest[:, 0], _ramp(200, 120))
    ring.close()


def test_random_header_bytes_never_raise_in_a_reader() -> None:
    rng = random.Random(7)
    writer = PcmRing.create(capacity_s=0.1)
    reader = PcmRing.attach(writer.fd, writable=True)
    buffer = PcmBuffer.create(capacity_s=0.1)
    viewer = PcmBuffer.attach(buffer.fd)
    for _ in range(2000):
        noise = rng.randbytes(48) if rng.random() < 0.5 else bytes(6) + rng.randbytes(2) * 21
        os.pwrite(writer.fd, noise, 16)
        os.pwrite(buffer.fd, noise, 16)
        frames, lost = reader.read()
        assert len(frames) <= reader.capacity_frames
        assert 0 <= lost < 2**62
        assert viewer.valid_samples <= 800
        assert viewer.state in PcmState
    for each in (writer, reader, buffer, viewer):
        each.close()
