"""Scripts that ask the kernel for what is not theirs. Each has a control run without locks."""

from tests.hostile.case import Hostile

FORBIDDEN = "made a forbidden system call"
NO_RIGHT = "an ordinary user may not do it either, or it depends on the kernel's settings"


def refused(
    name: str, tries: str, act: str, *, proof: str | None = "done", says: str = "refused"
) -> Hostile:
    """`act` is an expression, or the body of a function of that name."""
    body = act if "def act" in act else f"def act(): return {act}"
    return Hostile(
        name=name,
        tries=tries,
        attack=f"{body}\ndef attack(): tell(act)",
        says=says,
        proof=proof,
        unproved="" if proof else NO_RIGHT,
    )


def deadly(name: str, tries: str, act: str) -> Hostile:
    """Nobody does this by accident: the attempt is the end."""
    attack = f"def act(): return {act}\ndef attack(): tell(act)"
    return Hostile(
        name=name, tries=tries, attack=attack, ends="crashed", says=FORBIDDEN, unproved=NO_RIGHT
    )


CASES = (
    refused("read-a-file", "read a file", "sys.modules['io'].open('/etc/hostname').read()"),
    refused("os-open", "open a file below Python", "os.open('/etc/hostname', os.O_RDONLY)"),
    refused("write-a-file", "write a file", "os.open('/tmp', os.O_TMPFILE | os.O_RDWR)"),
    refused("list", "list a folder", "os.listdir('/')"),
    refused("stat", "see whether a file exists", "os.stat('/etc/passwd')"),
    refused("chdir", "move", "os.chdir('/tmp')"),
    refused("own-memory", "write code into its own memory", "os.open('/proc/self/mem', os.O_RDWR)"),
    refused("parent", "look at the zygote", "os.listdir(f'/proc/{os.getppid()}')"),
    refused(
        "importlib",
        "load a module from disk",
        "__import__('runtime').VoxEngine and sys.modules['importlib'].import_module('tarfile')",
        proof=None,
    ),
    refused("tcp", "reach a server", "sys.modules['socket'].socket().bind(('127.0.0.1', 0))"),
    refused(
        "udp",
        "send a datagram",
        "sys.modules['socket'].socket(2, 2).sendto(b'x', ('127.0.0.1', 9))",
    ),
    refused("unix", "reach a local service", "sys.modules['socket'].socket(1).fileno()"),
    refused("netlink", "talk to the kernel", "sys.modules['socket'].socket(16, 3).fileno()"),
    refused("socketpair", "make sockets", "sys.modules['socket'].socketpair()"),
    refused("pipe", "make a pipe", "os.pipe()"),
    refused(
        "fork",
        "fork",
        """
def act():
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
""",
    ),
    refused(
        "fork-bomb",
        "fork without end",
        """
def act():
    for _ in range(3 if CONTROL else 10**4):
        try:
            if os.fork() == 0: os._exit(0)
        except OSError as exc:
            last = exc
        else:
            last = None
    if last: raise last
""",
    ),
    refused("spawn", "start a program", "os.posix_spawn('/bin/true', ['true'], {})"),
    refused(
        "subprocess",
        "start a program in Python's way",
        "sys.modules['subprocess'].run(['/bin/true']).returncode",
    ),
    refused(
        "exec",
        "become another program",
        """
def act():
    if CONTROL and os.fork(): return os.wait()[1]
    os.execv('/bin/true', ['true'])
""",
    ),
    refused("thread", "start a thread", "sys.modules['_thread'].start_new_thread(os.getpid, ())"),
    refused(
        "thread-bomb",
        "start threads without end",
        """
def act():
    for _ in range(3 if CONTROL else 10**4):
        try:
            sys.modules['_thread'].start_new_thread(os.getpid, ())
        except RuntimeError as exc:
            last = exc
        else:
            last = None
    if last: raise last
""",
    ),
    refused("kill-the-zygote", "kill the parent", "os.kill(os.getppid(), SIGNAL * (not CONTROL))"),
    refused("kill-all", "kill everything in reach", "os.kill(-1, SIGNAL * (not CONTROL))"),
    refused(
        "kill-by-descriptor",
        "be sent signals for another process",
        """
def act():
    fcntl = sys.modules['fcntl']
    fcntl.fcntl(3, fcntl.F_SETOWN, os.getppid())
""",
    ),
    refused("pidfd", "a handle on the parent", "os.pidfd_open(os.getppid())"),
    refused(
        "other-clock",
        "see how busy another process is",
        "sys.modules['time'].clock_gettime((~os.getppid() << 3) | 2)",
    ),
    refused("shellcode", "executable memory", "sys.modules['mmap'].mmap(-1, 4096, prot=7)[:1]"),
    refused("memfd", "a file in memory", "os.memfd_create('x')"),
    refused(
        "more-memory",
        "lift its own limits",
        """
def act():
    resource = sys.modules['resource']
    resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))
""",
    ),
    refused(
        "send-descriptors",
        "hand a descriptor to the core",
        """
def act():
    socket = sys.modules['socket']
    one, _ = (socket.socketpair() if CONTROL else (socket.socket(fileno=3), None))
    try:
        return socket.send_fds(one, [b'x'], [0])
    finally:
        one.detach()
""",
    ),
    refused(
        "swap-the-socket", "put another descriptor in the control socket's place", "os.dup2(0, 63)"
    ),
    refused(
        "terminal",
        "type into a terminal",
        "sys.modules['fcntl'].ioctl(0, 0x5412, b'x') if not CONTROL else 'ENOTTY'",
    ),
    refused("priority", "go first", "os.setpriority(os.PRIO_PROCESS, 0, 19)"),
    refused("user", "become somebody", "os.setuid(os.getuid())"),
    refused(
        "prctl",
        "be debuggable",
        """
def act():
    if ctypes().CDLL(None).prctl(4, 1, 0, 0, 0): raise OSError
""",
    ),
    refused(
        "raw-open",
        "open by a raw system call",
        """
def act():
    if ctypes().CDLL(None).syscall(257, -100, b'/etc/hostname', 0, 0) < 0: raise OSError
""",
    ),
    refused("dlopen", "load a library", "ctypes().CDLL('libanl.so.1')._name"),
    refused(
        "thread-by-trio",
        "use trio's threads",
        """
async def hidden(): return await trio.to_thread.run_sync(os.getpid)
def act():
    coroutine = hidden()
    coroutine.close()
    return sys.modules['threading'].Thread(target=os.getpid).start()
""",
    ),
    deadly("ptrace", "trace a process", "ctypes().CDLL(None).ptrace(0, 0, 0, 0)"),
    deadly(
        "read-other-memory",
        "read the parent's memory",
        "ctypes().CDLL(None).process_vm_readv(os.getppid(), 0, 0, 0, 0, 0)",
    ),
    deadly("io-uring", "the back door of many filters", "ctypes().CDLL(None).syscall(425, 1, 0)"),
    deadly("keyring", "read keys", "ctypes().CDLL(None).syscall(250, 0, -3, 0)"),
    Hostile(
        name="environment",
        tries="find keys in the environment",
        attack="def attack(): Logger.write(f'environment {sorted(os.environ)}')",
        says="environment ['LC_CTYPE', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS']",
        unproved="it looks for what is not there",
    ),
    Hostile(
        name="memory-of-others",
        tries="find another session's script or a key in its own memory",
        attack="""
def attack():
    secret = "-".join(["witness", "secret"])
    gc = sys.modules["gc"]
    gc.unfreeze()
    dicts = [o for o in gc.get_objects() if type(o) is dict]
    found = [o for o in dicts if secret in str(list(o.values()))[:9999]]
    Logger.write(f"found {len(found)}")
""",
        says="found 0",
        unproved="it looks for what is not there",
    ),
)
