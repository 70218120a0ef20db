"""Bounds on what the transports hold and how long they wait, each with its reason."""

from typing import Final

from sip.message.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES

MAX_UDP_BACKLOG: Final = 1_024
"""Datagrams waiting for a full socket buffer; the oldest is dropped, retransmission repairs it."""

UDP_BURST: Final = 64
"""Datagrams read from one socket before other tasks get their turn."""

UDP_BUFFER_BYTES: Final = 2 * 1024 * 1024
"""Receive and send buffer asked of the system: a second of 1,000 call set-ups."""

MAX_CONNECTIONS: Final = 2_000
"""All together; each costs two tasks and a file descriptor."""

MAX_OPENING: Final = 500
"""Of them in a handshake, of TLS or WebSocket, or being opened by us: whoever shakes hands slowly
must not take the places of those who are in calls."""

MAX_CONNECTIONS_PER_HOST: Final = 200
"""From one address, loopback excepted, so that one host cannot take every place. A proxy uses one
or a few; load generators with one for each call run on loopback."""

MAX_WEBSOCKET_MESSAGE_BYTES: Final = MAX_HEAD_BYTES + MAX_BODY_BYTES
"""What a stream may bring as one message; all fragments together."""

MAX_HANDSHAKE_BYTES: Final = 16_384
"""Of a WebSocket handshake, cookies included; h11 takes no more either."""

MAX_QUEUE_BYTES: Final = 1_048_576
"""Unsent bytes of one connection; a peer that reads so little is gone for us."""

CONNECT_S: Final = 5.0
"""To open a TCP connection: two lost SYNs. The caller's INVITE waits behind it."""

HANDSHAKE_S: Final = 10.0
"""For a TLS handshake, and again for that of WebSocket: five round trips over a satellite and a
slow phone's arithmetic. Whoever takes longer holds a place in the table of connections."""

CERTIFICATE_WATCH_S: Final = 10.0
"""How often certificate files are looked at. Whoever renews them does so days before they end."""

ALIVE_AFTER_S: Final = 60
"""A silent connection is probed by the system after this (TCP keep-alive), ..."""
ALIVE_EVERY_S: Final = 10
"""... then this often, ..."""
ALIVE_COUNT: Final = 4
"""... and given up after so many probes without answer: under two minutes in all."""

SEND_S: Final = 20.0
"""For the peer to take what we write; after that the connection counts as broken."""

FLUSH_S: Final = 1.0
"""For what is still to be written when we close a connection."""

MESSAGE_S: Final = 30.0
"""From the first byte of a message to its last, and from the opening of a connection to its first
message: longer is a slow attack on the number of connections."""

IDLE_S: Final = 900.0
"""Without any byte, unless a dialog was last heard on the connection. RFC 5626 keep-alives come
every two minutes."""

PING_S: Final = 100.0
"""Silence after which a connection that a dialog needs is pinged (RFC 5626 4.4.1: 95 to 120 s)."""

PONG_S: Final = 10.0
"""For the answer to a ping (RFC 5626 4.4.1)."""

LOOK_AGAIN_S: Final = 60.0
"""How often an idle connection that a dialog still needs is looked at again."""

RESOLVE_S: Final = 5.0
"""For a name; the default resolver gives up after 5 s as well."""

RESOLVED_FOR_S: Final = 60.0
"""An answer of the resolver is used for this long; it does not tell its time to live."""

DNS_TRY_S: Final = 1.5
"""For one DNS server to answer; a second try or server gets as long again."""

MISSING_FOR_S: Final = 30.0
"""How long it is believed that a name, or a kind of record, does not exist. Negative answers seldom
say it in a way that can be relied on; most names have neither NAPTR nor SRV."""

FORGET_AT_LATEST_S: Final = 3_600.0
"""Answers with a longer time to live are asked for again after this, so that a mistake in a zone is
not with us for a week."""

MAX_RECORDS: Final = 32
"""Of one answer; an RRset of servers has a few."""

MAX_PLACES: Final = 8
"""Places to try for one request. With a dead server each costs up to 32 s, so that more are
of no use to a caller."""

MAX_ORIGINS: Final = 64
"""Addresses from which the servers of one name may call; the largest carriers announce dozens."""

MAX_RESOLVED: Final = 1_000
"""Names remembered; the oldest is forgotten."""

MAX_WAITING_FOR_NAME: Final = 256
"""Messages that wait for one name; further ones fail at once."""

MAX_RETURNED: Final = 4_096
"""Returned datagrams read at once: more than a socket's error queue holds."""

RESTART_S: Final = 0.1
"""Before a UDP listener that failed reads again, so that a lasting fault does not eat the core."""
