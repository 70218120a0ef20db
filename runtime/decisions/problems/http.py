"""Problems of the HTTP interface: E10.. requests, E11.. who asks, E12.. what is asked for, E13..
uploads, E14.. the runtime, E15.. access URLs."""

from __future__ import annotations

from runtime.decisions.problems.known import KnownProblem


class Http(KnownProblem):
    """As problem bodies show them (control/problem.py)."""

    BODY_NOT_WHOLE = (
        "E1001",
        400,
        "The body did not come whole",
        "The client closed the connection, or the length it announced was not what it sent.",
        "Send it again, with the right Content-Length.",
    )
    NOT_JSON = (
        "E1002",
        400,
        "The body is not JSON",
        "The request needs a JSON body, and what came cannot be read as one.",
        "Send what the OpenAPI document says; the text says where reading stopped.",
    )
    BAD_FIELDS = (
        "E1003",
        400,
        "Something in the request is not as it must be",
        "A field or parameter is missing, unknown, or has a value that is not possible. "
        "Nothing was changed.",
        "Mend everything that the body lists under errors, and send it again.",
    )
    BAD_SEARCH = (
        "E1004",
        400,
        "The search cannot be made",
        "A parameter is unknown, or its value cannot be read.",
        "Mend what is listed under errors; times are ISO 8601 or seconds since 1970.",
    )
    TOO_LONG = (
        "E1005",
        413,
        "The body is too large",
        "Each request has a limit, so that nobody fills the memory of calls.",
        "Send less; files have requests of their own.",
    )
    NO_TOKEN = (
        "E1101",
        401,
        "A token is needed",
        "The HTTP interface listens where others can reach it, and the request came without a"
        " token, or with one that nobody knows.",
        "Send `Authorization: Bearer TOKEN` with one from POST /api/v1/tokens or "
        "[http.tokens]. Make a new one if it was taken back.",
    )
    NO_SCOPE = (
        "E1102",
        403,
        "The token may not do this",
        "Each request needs a scope, and the token was made without it.",
        "Use another token, or make one with the scope that the text names.",
    )
    OTHER_APPLICATION = (
        "E1103",
        403,
        "The token is for one application",
        "What was asked for is about another application, or about the machine.",
        "Use a token that is bound to no application, or to the other one.",
    )
    NOT_LOCAL_HOST = (
        "E1104",
        403,
        "The Host header names another machine",
        "A loopback listener needs no token and answers only to this machine's names: "
        "otherwise a web page could reach it by giving its own name the address 127.0.0.1.",
        "Ask for 127.0.0.1 or localhost. A proxy needs a listener with tokens.",
    )
    FOREIGN_PAGE = (
        "E1105",
        403,
        "A page of another site asks",
        "A browser says so in Origin; without a token any page that somebody opens here could"
        " start calls.",
        "Serve the page from this machine, or use a listener with tokens.",
    )
    TOO_MANY_REQUESTS = (
        "E1106",
        429,
        "Too many requests",
        "The owner of the token, or the address, asked more often than [http] requests_per_s "
        "and address_requests_per_s allow, or sent wrong tokens.",
        "Wait as long as Retry-After says. /api/v1/events tells what happens without asking again.",
    )
    NO_SUCH_PATH = (
        "E1201",
        404,
        "Nothing is served there",
        "The path is none of this API.",
        "See /api/v1/openapi.json for those that there are.",
    )
    WRONG_METHOD = (
        "E1202",
        405,
        "The path has no such method",
        "It is served, with other methods.",
        "Use one that Allow names.",
    )
    NO_SESSION = (
        "E1203",
        404,
        "There is no such session",
        "None of this id lives, is among those kept, or is this token's to see.",
        "Look in /api/v1/sessions and /api/v1/history.",
    )
    NO_RECORDING = (
        "E1204",
        404,
        "There is no such recording",
        "The session made fewer, the file was deleted, or it made way for newer ones.",
        "See /api/v1/recordings.",
    )
    NO_TOKEN_OF_THIS_NAME = (
        "E1205",
        404,
        "There is no such token",
        "None that was made here has this name. Those of the configuration are taken back there.",
        "See GET /api/v1/tokens.",
    )
    TOKEN_TAKEN = (
        "E1206",
        409,
        "There is a token of this name",
        "A token is shown once and never changed.",
        "Delete the old one first, or choose another name.",
    )
    NO_SUCH_RANGE = (
        "E1207",
        416,
        "The range is outside the file",
        "The recording has fewer bytes than the first that was asked for.",
        "Ask for a range within the size that Content-Range names.",
    )
    STILL_NEEDED = (
        "E1208",
        409,
        "The session of the recording still lives",
        "Its file may still be written.",
        "Delete it when the session is over.",
    )
    NOT_DELETED = (
        "E1209",
        500,
        "The file cannot be deleted",
        "The system refused; the text says how.",
        "See to the rights and the disk of the data folder.",
    )
    UPLOADS_OFF = (
        "E1301",
        409,
        "The runtime takes no uploads",
        "It was started without.",
        "Start it with --uploads, or [server] uploads = true.",
    )
    NOT_TAKEN = (
        "E1302",
        422,
        "What was uploaded is not taken",
        "It was checked as at the start of a session, and has faults. Nothing was changed.",
        "Mend everything that is listed under errors; ?dry_run=1 only checks.",
    )
    UNKNOWN = (
        "E1303",
        404,
        "It is not there",
        "No application, scenario, version, rule, secret, user or number has this name.",
        "List what there is; names are case-sensitive.",
    )
    CONFLICT = (
        "E1304",
        409,
        "Something else stands in the way",
        "The name or number belongs to somebody else, or a rule or number still needs it.",
        "The text names what; remove that first, or choose another name.",
    )
    FULL = (
        "E1305",
        507,
        "There is no room for more",
        "A limit of the machine is reached, or its disk is full. Nothing was changed.",
        "Delete what is not needed any more; see the reference of limits.",
    )
    FAULT = (
        "E1401",
        500,
        "A fault of the runtime",
        "The request met a programming error of ours.",
        "The log has it, with a traceback: please report it.",
    )
    STORE_BUSY = (
        "E1402",
        503,
        "The search took too long",
        "It would have gone through too many rows while others wait.",
        "Narrow it by time.",
    )
    DISK_FULL = (
        "E1403",
        507,
        "The disk is full",
        "The database cannot grow. Calls go on, and are not remembered.",
        "Make room on the disk of the data folder.",
    )
    TOO_MANY_STREAMS = (
        "E1404",
        503,
        "Too many read live events",
        "Each event is written once for every reader.",
        "Close a stream, and pass events on from one reader.",
    )
    NO_ACCESS_URL = (
        "E1501",
        404,
        "No session has this access URL",
        "It was never one, or its session was over long ago.",
        "Use access_url as the start request, or accessURL as Started tells it.",
    )
    SESSION_OVER = (
        "E1502",
        410,
        "The session has ended",
        "An access URL lives as long as its session.",
        "Start another session.",
    )
    NO_REQUEST_LISTENER = (
        "E1503",
        501,
        "The script does not listen to requests",
        "It has no listener for AppEvents.HttpRequest.",
        "Add one before the URL is used.",
    )
    SCRIPT_FAILED = (
        "E1504",
        500,
        "The script failed to answer",
        "Its handler raised an exception, or returned what is no answer.",
        "The timeline of the session has the traceback.",
    )
    SCRIPT_TOO_SLOW = (
        "E1505",
        504,
        "The script did not answer in time",
        "It was still loading, or its handler waited too long ([limits] access_reply_s).",
        "Answer at once, and do the work in a task.",
    )
    NO_SOCKETS = (
        "E1506",
        403,
        "The script takes no WebSockets",
        "It has not asked for them.",
        "Call VoxEngine.allowWebSocketConnections().",
    )
    ACCESS_BUSY = (
        "E1507",
        503,
        "Too much is under way at this access URL",
        "So many requests wait for the handlers, or so many WebSockets are open, as the "
        "limits of a session allow; or the socket could not be taken.",
        "Try again when Retry-After is over.",
    )
    ACCESS_TOO_FAST = (
        "E1508",
        429,
        "Too many requests to one session",
        "More than [limits] access_per_s came.",
        "Wait as long as Retry-After says.",
    )
    HEAD_TOO_LARGE = (
        "E1509",
        431,
        "Path and headers are too large",
        "They go to the script, whose memory is bounded.",
        "Send what is long in the body.",
    )
    BODY_TOO_SLOW = (
        "E1510",
        408,
        "The body came too slowly",
        "A place for a request is not held for long.",
        "Send it at once.",
    )
    BAD_HANDSHAKE = (
        "E1511",
        400,
        "The WebSocket handshake is not one",
        "It is not as RFC 6455 4.2.1 says.",
        "The text says what is wrong; a library for WebSockets does it right.",
    )
