"""Conference.add and the endpoints that it gives (voxengine.md 1.6)."""

from __future__ import annotations

from textwrap import dedent

from runtime.decisions.limits import Limits
from runtime.testing import Sim, SimCaller
from tests.testing.rules.scripts import script

ROOM = script("""
    room = VoxEngine.createConference({"hd_audio": True})
    def told(e):
        Logger.write(f"{e.name[11:]} {e.endpoint.getCall().callerid()} {e.mode} {e.direction}")
    for event in (ConferenceEvents.EndpointAdded, ConferenceEvents.EndpointUpdated,
                  ConferenceEvents.EndpointRemoved):
        room.addEventListener(event, told)
    HOW = {"901": "SEND", "902": "RECEIVE"}
    @on_call
    def alerting(e):
        e.call.answer()
        e.call.addEventListener(CallEvents.Connected, connected)
    def connected(e):
        room.add({"call": e.call, "mode": "FORWARD", "scheme": e.scheme,
                  "direction": HOW.get(e.call.callerid(), "BOTH"), "displayName": "Ann"})
""")


async def entering(sim: Sim, *numbers: str, more: str = "") -> list[SimCaller]:
    sim.load_text(ROOM + dedent(more), conference=True)
    people: list[SimCaller] = []
    for number in numbers:
        people.append(await sim.call("room", number))
        await sim.advance(1)
    return people


async def all_leave(sim: Sim, people: list[SimCaller]) -> None:
    for person in people:
        person.hang_up()
    await sim.settle()


async def test_whoever_is_added_hears_and_is_heard(sim: Sim) -> None:
    people = await entering(sim, "900", "903")
    one, two = people
    one.says("hello")
    await two.hears("hello")
    two.says("good morning")
    await one.hears("good morning")
    await all_leave(sim, people)


async def test_an_endpoint_that_sends_only_hears_nothing_and_one_that_receives_is_not_heard(
    sim: Sim,
) -> None:
    people = await entering(sim, "900", "901", "902")
    both, sender, listener = people
    for person, words in ((both, "from both"), (sender, "from sender"), (listener, "unheard")):
        await person.says(words)
    await sim.settle()
    heard = [[each.what for each in person.heard] for person in people]
    assert heard == [["from sender"], [], ["from both", "from sender"]]
    await all_leave(sim, people)


async def test_events_tell_who_came_and_who_went(sim: Sim) -> None:
    people = await entering(sim, "900", "901")
    assert sim.logs == ["EndpointAdded 900 FORWARD BOTH", "EndpointAdded 901 FORWARD SEND"]
    people[0].hang_up()
    await sim.settle()
    assert sim.logs[2:] == ["EndpointRemoved 900 FORWARD BOTH"]
    names = [e.name for e in sim.events]
    assert names.index("Conference.EndpointRemoved") > names.index("Call.Disconnected")
    await all_leave(sim, people[1:])


async def test_the_conference_lists_who_is_there(sim: Sim) -> None:
    more = """
    def asked(e):
        ids = [each.id() for each in room.getList()]
        known = [room.get(each).getCall().callerid() for each in ids]
        Logger.write(f"{known} {len(set(ids))} {room.get('nobody')}")
    room.addEventListener(ConferenceEvents.EndpointAdded, asked)
    room.addEventListener(ConferenceEvents.EndpointRemoved, asked)
    """
    people = await entering(sim, "900", "901", more=more)
    await all_leave(sim, people)
    assert [line for line in sim.logs if line.startswith("[")] == [
        "['900'] 1 None",
        "['900', '901'] 2 None",
        "['901'] 1 None",
        "[] 0 None",
    ]


async def test_a_new_name_is_an_update(sim: Sim) -> None:
    more = """
    def rename(e):
        e.endpoint.setDisplayName("Bob")
        same = e.endpointId == e.endpoint.id()
        Logger.write(repr(e.endpoint)[:15])
        Logger.write(f"{e.endpoint.getMode()} {e.endpoint.getDirection()} {same}")
    room.addEventListener(ConferenceEvents.EndpointAdded, rename)
    """
    people = await entering(sim, "900", more=more)
    await all_leave(sim, people)
    assert sim.logs == [
        "EndpointAdded 900 FORWARD BOTH",
        "<Endpoint 'Bob'",
        "FORWARD BOTH True",
        "EndpointUpdated 900 FORWARD BOTH",
        "EndpointRemoved 900 FORWARD BOTH",
    ]


async def test_who_does_not_fit_is_an_error_with_the_endpoint_s_id(sim: Sim) -> None:
    sim.configure(limits=Limits(conference_members=1))
    more = """
    room.addEventListener(ConferenceEvents.ConferenceError, lambda e: Logger.write(
        f"{e.code} {e.endpointId is not None} {len(room.getList())}"))
    """
    people = await entering(sim, "900", "903", more=more)
    assert sim.logs[:2] == ["EndpointAdded 900 FORWARD BOTH", "486 True 1"]
    assert sim.logs[2].startswith("Conference.add() failed: the conference is full")
    await all_leave(sim, people)


async def test_what_cannot_be_added_is_refused_at_its_line(sim: Sim) -> None:
    more = """
    @room.on(ConferenceEvents.EndpointAdded)
    def added(e):
        call, other = e.endpoint.getCall(), VoxEngine.callPSTN("+441", "+442")
        for options in ({"call": call}, {}, {"call": room}, {"call": other, "mode": "MIXED"},
                        {"call": other, "direction": 1}, {"call": call, "directon": "BOTH"}):
            try:
                room.add(options)
            except (TypeError, ValueError) as exc:
                Logger.write(exc)
    """
    people = await entering(sim, "900", more=more)
    assert sim.logs[1:] == [
        "Conference.add(): <Call s1-2 from 900 CONNECTED> is in this conference already",
        "Conference.add(): call must be a Call, not NoneType",
        "Conference.add(): call must be a Call, not Conference",
        "Conference.add(): mode must be one of MIX, FORWARD, not 'MIXED'",
        "Conference.add(): direction must be one of SEND, RECEIVE, BOTH, not int",
        "Conference.add() has no option 'directon': did you mean 'direction'?",
    ]
    await all_leave(sim, people)


async def test_a_call_that_has_ended_is_not_added(sim: Sim) -> None:
    more = """
    @VoxEngine.on(AppEvents.CallAlerting)
    def second(e):
        e.call.addEventListener(CallEvents.Disconnected, late)
    def late(e):
        endpoint = room.add(call=e.call, mode=ConferenceMode.MIX,
                            direction=ConferenceDirection.BOTH)
        Logger.write(f"{endpoint} {room.getList()}")
    """
    people = await entering(sim, "900", more=more)
    await all_leave(sim, people)
    assert sim.logs[1].startswith("Conference.add() ignored: <Call s1-2 from")
    assert sim.logs[2].startswith("<Endpoint of <Call s1-2")
    assert sim.logs[2].endswith(" []")
