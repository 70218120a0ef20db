"""One session for everybody: rooms of fifty; whoever comes goes into the first with room."""

from runtime import AppEvents, Call, CallEvents, Conference, Logger, VoxEngine

MEMBERS = 50
rooms: list[Conference] = []
members: list[list[Call]] = []


@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.addEventListener(CallEvents.Connected, lambda: enter(call))
    call.addEventListener(CallEvents.Disconnected, lambda: leave(call))
    call.answer()


def enter(call: Call) -> None:
    number = next((n for n, inside in enumerate(members) if len(inside) < MEMBERS), len(rooms))
    if number == len(rooms):
        rooms.append(VoxEngine.createConference())
        members.append([])
    members[number].append(call)
    VoxEngine.sendMediaBetween(call, rooms[number])
    Logger.write(f"inside: {sum(map(len, members))}")


def leave(call: Call) -> None:
    for inside in members:
        if call in inside:
            inside.remove(call)
    if not any(members):
        VoxEngine.terminate()
