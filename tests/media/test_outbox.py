"""Commands on their way: together, in order, in packets that fit, with their descriptors."""

from __future__ import annotations

import os

import trio

from runtime.media.outbox import WEIGHT_PER_PACKET, Outbox
from runtime.media.protocol import (
    CloseUnit,
    Command,
    OpenLeg,
    OpenPlayer,
    OpenTonePlayer,
    decode_commands,
)
from runtime.media.tone_script import ToneScript, ToneStep
from runtime.processes.blocking_link import BlockingLink
from runtime.processes.link import Link
from runtime.processes.packets import MAX_DESCRIPTORS, socket_pair

STEP = ToneStep(frequencies_hz=(425.123456789, 350.123456789), duration_ms=1000)


def link_pair() -> tuple[Link, BlockingLink]:
    ours, theirs = socket_pair()
    return Link(ours), BlockingLink(theirs)


def received(link: BlockingLink) -> list[tuple[list[Command], list[str]]]:
    """(commands, what their descriptors hold) of each packet."""
    packets = []
    for packet, fds in link.receive_nowait():
        texts = [os.pread(fd, 100, 0).decode() for fd in fds]
        for fd in fds:
            os.close(fd)
        packets.append((decode_commands(packet), texts))
    return packets


def holding(text: str) -> int:
    fd = os.memfd_create("test")
    os.pwrite(fd, text.encode(), 0)
    return fd


async def test_what_is_put_between_two_pauses_travels_together() -> None:
    ours, theirs = link_pair()
    outbox = Outbox(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run)
        outbox.put(OpenLeg(1))
        outbox.put(CloseUnit(2))
        await trio.testing.wait_all_tasks_blocked()
        outbox.put(OpenLeg(3))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert received(theirs) == [([OpenLeg(1), CloseUnit(2)], []), ([OpenLeg(3)], [])]
    ours.close()
    theirs.close()


async def test_descriptors_travel_with_their_command_even_when_closed_meanwhile() -> None:
    ours, theirs = link_pair()
    outbox = Outbox(ours)
    for unit in range(MAX_DESCRIPTORS + 2):
        fd = holding(str(unit))
        outbox.put(OpenPlayer(unit=unit, fd=0, loop=False, paused=False), fd)
        os.close(fd)
    outbox.flush()
    packets = received(theirs)
    assert [len(commands) for commands, _ in packets] == [MAX_DESCRIPTORS, 2]
    for commands, texts in packets:
        for command in commands:
            assert isinstance(command, OpenPlayer)
            assert texts[command.fd] == str(command.unit)
    ours.close()
    theirs.close()


async def test_large_scripts_are_spread_over_packets_that_fit() -> None:
    ours, theirs = link_pair()
    outbox = Outbox(ours)
    script = ToneScript(label="long", steps=(STEP,) * 64)
    sent: list[Command] = [OpenTonePlayer(unit=n, script=script, paused=False) for n in range(10)]
    sent += [CloseUnit(n) for n in range(2 * WEIGHT_PER_PACKET)]
    for command in sent:
        outbox.put(command)
    outbox.flush()
    packets = received(theirs)
    assert len(packets) > 3
    assert [command for commands, _ in packets for command in commands] == sent
    ours.close()
    theirs.close()


async def test_closing_an_outbox_gives_its_descriptors_back() -> None:
    ours, theirs = link_pair()
    outbox = Outbox(ours)
    before = len(os.listdir("/proc/self/fd"))
    fd = holding("x")
    outbox.put(OpenPlayer(unit=1, fd=0, loop=False, paused=False), fd)
    os.close(fd)
    outbox.close()
    assert len(os.listdir("/proc/self/fd")) == before
    ours.close()
    theirs.close()
