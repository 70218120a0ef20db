"""All transactions of one endpoint: finds the one a message belongs to and runs it.

Everything is found by a key in a dictionary and every timer comes from one heap, so that the cost
of a packet does not grow with the number of calls. Results come back as a list, in order.
"""

from __future__ import annotations

from sip.address import Destination
from sip.message import Request, Response

from .client import CLIENT
from .client_invite import INVITE_CLIENT
from .failure_ack import failure_ack
from .machine import Machine
from .matching import ClientKey, MergeKey, ServerKey, client_key, merge_key
from .outputs import AckArrived, LayerOutput, TransactionEnded
from .schedule import Schedule
from .server import SERVER
from .server_invite import INVITE_SERVER
from .timers import Timers
from .vocabulary import Input, State, Timer


class TransactionLayer:
    """Client and server transactions by key."""

    def __init__(self, timers: Timers) -> None:
        self.timers = timers
        self.schedule: Schedule[ClientKey | ServerKey, Timer] = Schedule()
        self._clients: dict[ClientKey, Machine] = {}
        self._servers: dict[ServerKey, Machine] = {}
        self._merge: dict[MergeKey, ServerKey] = {}
        self._merge_of: dict[ServerKey, MergeKey] = {}
        self._clients_on_flow: dict[int, set[ClientKey]] = {}
        self._flow_of_client: dict[ClientKey, int] = {}

    @property
    def client_count(self) -> int:
        return len(self._clients)

    @property
    def server_count(self) -> int:
        return len(self._servers)

    # --- client side ---

    def send_request(
        self, request: Request, data: bytes, destination: Destination, now: float
    ) -> tuple[ClientKey, list[LayerOutput]]:
        """Start a client transaction; `data` is the serialised request, its Via already ours."""
        key = ClientKey(request.via.branch or "", request.method)
        kind = INVITE_CLIENT if request.method == "INVITE" else CLIENT
        machine = Machine(kind, key, destination, self, call_id=request.call_id, request=request)
        machine.hold(data, str(request))
        self._clients[key] = machine
        return key, self._feed(machine, Input.START, now)

    def receive_response(self, response: Response, now: float) -> list[LayerOutput] | None:
        """Take a response; None when it answers nothing that is still known."""
        machine = self._clients.get(client_key(response))
        if machine is None:
            return None
        if response.status < 200:
            event = Input.PROVISIONAL
        else:
            event = Input.SUCCESS if response.status < 300 else Input.FAILURE
            self._note_final(machine, event, response)
        out: list[LayerOutput] = []
        machine.feed(event, now, out, message=response)
        return self._settle(out)

    def _note_final(self, machine: Machine, event: Input, response: Response) -> None:
        if machine.final is None:
            machine.final = response
        if event is Input.FAILURE and machine.key.method == "INVITE" and machine.request:
            if machine.ack is None:
                machine.ack = failure_ack(machine.request, response).to_bytes()
            machine.final = machine.final if machine.final.status >= 300 else response

    def is_repeated_response(self, response: Response) -> bool:
        """Whether this final response was seen before (for traces)."""
        machine = self._clients.get(client_key(response))
        if machine is None or machine.final is None or response.status < 200:
            return False
        return machine.final.headers.get("To") == response.headers.get("To")

    def client_request(self, key: ClientKey) -> Request | None:
        """The request of a client transaction that is still there."""
        machine = self._clients.get(key)
        return None if machine is None else machine.request

    def client_destination(self, key: ClientKey) -> Destination | None:
        """Where that request went."""
        machine = self._clients.get(key)
        return None if machine is None else machine.destination

    def give_up(self, key: ClientKey, now: float) -> list[LayerOutput]:
        """End an INVITE client transaction that got no final response to its CANCEL."""
        machine = self._clients.get(key)
        return [] if machine is None else self._feed(machine, Input.GIVE_UP, now)

    # --- server side ---

    def has_server(self, key: ServerKey) -> bool:
        return key in self._servers

    def merged_with(self, request: Request) -> ServerKey | None:
        """The transaction of another branch of the same request (RFC 3261 8.2.2.2)."""
        return self._merge.get(merge_key(request))

    def receive_request(
        self, key: ServerKey, request: Request, reply_to: Destination, now: float
    ) -> list[LayerOutput]:
        """Take a request; `reply_to` is where its responses go, if it is a new one."""
        machine = self._servers.get(key)
        out: list[LayerOutput] = []
        if machine is not None:
            event = Input.ACK if request.method == "ACK" else Input.REPEAT
            machine.feed(event, now, out, message=request)
        elif request.method == "ACK":
            return [AckArrived(request)]
        else:
            kind = INVITE_SERVER if request.method == "INVITE" else SERVER
            machine = Machine(kind, key, reply_to, self, call_id=request.call_id)
            self._servers[key] = machine
            self._note_merge(merge_key(request), key)
            machine.feed(Input.START, now, out, message=request)
        return self._settle(out)

    def respond(self, key: ServerKey, response: Response, now: float) -> list[LayerOutput] | None:
        """Send a response; None when the transaction is over. IllegalInputError after a final."""
        machine = self._servers.get(key)
        if machine is None:
            return None
        if response.status < 200:
            event = Input.SEND_PROVISIONAL
        elif response.status < 300:
            event = Input.SEND_SUCCESS
        else:
            event = Input.SEND_FAILURE
        machine.kind.step(machine.state, event)
        machine.hold(response.to_bytes(), f"{response} ({response.cseq.method})")
        return self._feed(machine, event, now)

    def is_answered(self, key: ServerKey) -> bool:
        """Whether a final response was sent, or the transaction is gone altogether."""
        machine = self._servers.get(key)
        return machine is None or machine.state not in (State.TRYING, State.PROCEEDING)

    # --- the network and the clock ---

    def sent_on(self, key: ClientKey, flow: int) -> None:
        """A request went out on this connection; its loss will be the request's failure."""
        if key in self._clients:
            self._detach(key)
            self._flow_of_client[key] = flow
            self._clients_on_flow.setdefault(flow, set()).add(key)

    def flow_closed(self, flow: int, reason: str, now: float) -> list[LayerOutput]:
        """RFC 3261 17.1.4: a connection broke under the requests that wait on it."""
        out: list[LayerOutput] = []
        for key in sorted(self._clients_on_flow.get(flow, ())):
            out += self.transport_failed(key, reason, now)
        return out

    def transport_failed(
        self, key: ClientKey | ServerKey, reason: str, now: float
    ) -> list[LayerOutput]:
        """A message of this transaction could not be delivered."""
        machine = self._find(key)
        if machine is None:
            return []
        out: list[LayerOutput] = []
        machine.feed(Input.TRANSPORT_ERROR, now, out, reason=reason)
        return self._settle(out)

    def next_timeout(self) -> float | None:
        return self.schedule.next_timeout()

    def on_time(self, now: float) -> list[LayerOutput]:
        """Everything that is due at `now`."""
        out: list[LayerOutput] = []
        while (due := self.schedule.pop_due(now)) is not None:
            key, timer = due
            machine = self._find(key)
            if machine is not None:
                out += self._feed(machine, timer, now)
        return out

    def _find(self, key: ClientKey | ServerKey) -> Machine | None:
        if isinstance(key, ClientKey):
            return self._clients.get(key)
        return self._servers.get(key)

    def _feed(self, machine: Machine, event: Input | Timer, now: float) -> list[LayerOutput]:
        out: list[LayerOutput] = []
        machine.feed(event, now, out)
        return self._settle(out)

    def _settle(self, out: list[LayerOutput]) -> list[LayerOutput]:
        for output in out:
            if isinstance(output, TransactionEnded):
                self._remove(output.key)
        return out

    def _remove(self, key: ClientKey | ServerKey) -> None:
        if isinstance(key, ClientKey):
            self._detach(key)
            self._clients.pop(key, None)
            return
        self._servers.pop(key, None)
        merge = self._merge_of.pop(key, None)
        if merge is not None:
            del self._merge[merge]

    def _note_merge(self, merge: MergeKey, key: ServerKey) -> None:
        """The first branch of a request stands for all."""
        if merge not in self._merge:
            self._merge[merge] = key
            self._merge_of[key] = merge

    def _detach(self, key: ClientKey) -> None:
        flow = self._flow_of_client.pop(key, None)
        if flow is not None:
            keys = self._clients_on_flow[flow]
            keys.discard(key)
            if not keys:
                del self._clients_on_flow[flow]
