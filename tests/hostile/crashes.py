"""Scripts that bring their own process down."""

from tests.hostile.case import Hostile

CASES = (
    Hostile(
        name="exit",
        proof="ended exit 3",
        tries="leave without a word",
        attack="def attack(): os._exit(3)",
        ends="crashed",
        says="exit 3",
    ),
    Hostile(
        name="segfault",
        proof="ended signal 11",
        tries="read address 0",
        attack="def attack(): ctypes().string_at(0)",
        ends="crashed",
        says="segmentation fault",
    ),
    Hostile(
        name="abort",
        proof="ended signal 6",
        tries="abort the interpreter",
        attack="def attack(): os.abort()",
        ends="crashed",
        says="the script's process",
    ),
    Hostile(
        name="overwrite-none",
        proof="ended signal",
        tries="overwrite an object that everything uses",
        attack="def attack(): ctypes().memset(id(None), 255, 64); [None] * 1000",
        ends="crashed",
        says="the script's process",
    ),
    Hostile(
        name="stack",
        proof="ended signal 11",
        tries="recurse over the end of the stack",
        attack="""
def attack():
    sys.setrecursionlimit(10**9)
    class Deep:
        def __repr__(self): return repr(self)
    repr(Deep())
""",
        ends="crashed",
        says="segmentation fault",
    ),
    Hostile(
        name="close-descriptors",
        proof="ended",
        tries="close every descriptor, the control socket too",
        attack="def attack(): os.closerange(0, 64)",
        ends="crashed",
        says="the script's process",
    ),
    Hostile(
        name="keyboard-interrupt",
        proof="ended exit 1",
        tries="raise what ends a program",
        attack="def attack(): raise KeyboardInterrupt",
        ends="script-error",
        says="worker ended: exit 70",
    ),
    Hostile(
        name="system-exit",
        proof="ended exit 0",
        tries="raise SystemExit",
        attack="def attack(): raise SystemExit(0)",
        hangs_up=True,
        says="SystemExit",
    ),
    Hostile(
        name="cancel-everything",
        proof="ended",
        tries="cancel the worker's own tasks",
        attack="""
def attack():
    for nursery in trio.lowlevel.current_root_task().child_nurseries:
        nursery.cancel_scope.cancel()
    task = trio.lowlevel.current_task()
    while task.parent_nursery is not None:
        task.parent_nursery.cancel_scope.cancel()
        task = task.parent_nursery.parent_task
""",
        ends="script-error",
        says="worker ended: exit 70",
    ),
    Hostile(
        name="break-builtins",
        proof="ended",
        tries="take len() away from everybody",
        attack="""
def attack():
    sys.modules["builtins"].len = None
    sys.modules["json"].loads = None
    call.sendMessage("x")
""",
        ends="crashed",
        says="the script's process",
    ),
    Hostile(
        name="break-trio",
        proof="ended",
        tries="replace trio's own functions",
        attack="""
def attack():
    for name in ("checkpoint", "wait_readable", "wait_task_rescheduled"):
        setattr(trio.lowlevel, name, None)
        setattr(sys.modules["trio._core"], name, None)
    sys.modules["trio._socket"]._SocketType.recv = None
""",
        ends="script-error",
        says="worker ended: exit 70",
    ),
    Hostile(
        name="fault-at-import",
        proof="ended exit 4",
        tries="leave while it is loaded",
        attack="os._exit(4)",
        at_import=True,
        ends="crashed",
        says="exit 4",
    ),
)
