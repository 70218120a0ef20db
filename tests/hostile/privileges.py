"""What else a process may ask of the kernel, and a script may not: to look, share, wait, rule."""

from tests.hostile.case import Hostile
from tests.hostile.kernel import deadly, refused

LIBC = "ctypes().CDLL(None)"
MACHINE = 'sys.implementation._multiarch.split("-")[0]'
NUMBER = f'sys.modules["runtime.sandbox.syscalls"].MACHINES[{MACHINE}].numbers'


def libc(name: str, tries: str, call: str, *, proof: str | None = "done") -> Hostile:
    """A function of the C library that fails with a negative number."""
    act = f"""
def act():
    if {LIBC}.{call} < 0: raise OSError
"""
    return refused(name, tries, act, proof=proof)


CASES = (
    refused("link-target", "read where a link leads", "os.readlink('/proc/self/exe')"),
    refused("disk", "see how full a disk is", "os.statvfs('/')"),
    refused("where-am-i", "see its folder", "os.getcwd()"),
    refused("which-machine", "see the machine's name", "os.uname()"),
    refused("load", "see how busy the machine is", "os.getloadavg()"),
    refused("processors", "see which processors there are", "os.sched_getaffinity(0)"),
    refused("affinity", "choose its processors", "os.sched_setaffinity(0, [0])"),
    refused(
        "scheduler",
        "choose how it is scheduled",
        "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
    ),
    refused("rank-of-others", "see another's priority", "os.getpriority(0, os.getppid())"),
    refused("group-of-others", "see another's process group", "os.getpgid(os.getppid())"),
    refused("session-of-others", "see another's session", "os.getsid(os.getppid())"),
    refused("own-groups", "see its groups", "os.getgroups()"),
    refused("umask", "change how files are made", "os.umask(0o77)"),
    refused("event-descriptor", "a descriptor to wait with", "os.eventfd(0)"),
    refused("another-epoll", "an epoll of its own", "sys.modules['select'].epoll().fileno()"),
    refused("another-directory", "a handle on the root folder", "os.open('/', os.O_PATH)"),
    libc("inotify", "watch files", "inotify_init()"),
    libc("timer-descriptor", "a timer of the kernel's", "timerfd_create(1, 0)"),
    libc(
        "system-information", "see memory and load", "sysinfo(ctypes().create_string_buffer(256))"
    ),
    libc("personality", "switch off address randomisation", "personality(0xFFFFFFFF)"),
    libc("queued-signal", "a signal with a value", "sigqueue(os.getppid(), 0, 0)"),
    libc("namespace", "a world of its own", "unshare(0x10000000)", proof=None),
    libc("host-name", "rename the machine", "sethostname(b'x', 1)", proof=None),
    libc("new-root", "another root folder", "chroot(b'/tmp')", proof=None),
    libc("mount", "mount a file system", "mount(b'none', b'/mnt', b'tmpfs', 0, 0)", proof=None),
    refused(
        "shared-memory",
        "memory that others can see",
        f"""
def act():
    number = {LIBC}.shmget(0, 4096, 0o1600)
    if number < 0: raise OSError
    {LIBC}.shmctl(number, 0, 0)
""",
    ),
    refused(
        "message-queue",
        "a queue that others can read",
        f"""
def act():
    number = {LIBC}.msgget(0, 0o1600)
    if number < 0: raise OSError
    {LIBC}.msgctl(number, 0, 0)
""",
    ),
    refused(
        "locked-memory",
        "memory that is never swapped out",
        f"""
def act():
    block = ctypes().create_string_buffer(4096)
    if {LIBC}.mlock(block, 4096): raise OSError
""",
    ),
    refused(
        "executable-later",
        "make its memory executable afterwards",
        f"""
def act():
    area = sys.modules["mmap"].mmap(-1, 4096)
    address = ctypes().addressof(ctypes().c_char.from_buffer(area))
    if {LIBC}.mprotect(ctypes().c_void_p(address), 4096, 7): raise OSError
""",
    ),
    *(
        deadly(name, tries, f'{LIBC}.syscall({NUMBER}["{call}"], -1, 0, 0, 0, 0)')
        for name, tries, call in (
            ("steal-a-descriptor", "take a descriptor of another process", "pidfd_getfd"),
            ("advise-others", "throw away another's memory", "process_madvise"),
            ("performance-counters", "count what others do", "perf_event_open"),
            ("kernel-programs", "a program in the kernel", "bpf"),
            ("page-faults", "stop the kernel in the middle", "userfaultfd"),
            ("kernel-modules", "a module in the kernel", "init_module"),
            ("another-kernel", "another kernel", "kexec_load"),
            ("file-by-handle", "a file without its path", "open_by_handle_at"),
        )
    ),
)
