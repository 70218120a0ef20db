"""Requests to where a script may not go, by every way of writing it, and requests as a weapon.

The runtime of the arena allows no private address. Its own HTTP interface stands on loopback, so
every way there leads to somebody who would answer.
"""

from tests.hostile.case import Hostile


def reaches(
    name: str, tries: str, url: str, *, says: str = "may only reach public addresses"
) -> Hostile:
    """`url` is an expression; `port` is the interface's."""
    attack = f"""
@VoxEngine.on(AppEvents.Started)
def started(e):
    global port
    port = e.accessURL.split("/")[2].split(":")[1]

async def attack():
    result = await Net.httpRequestAsync({url}, timeout=3)
    Logger.write(f"got {{result.code}} {{result.error}}")
"""
    return Hostile(name=name, tries=tries, attack=attack, says=says)


CASES = (
    reaches(
        "own-interface", "end all sessions over HTTP", "f'http://127.0.0.1:{port}/api/v1/sessions'"
    ),
    reaches("short-loopback", "loopback in short", "f'http://127.1:{port}/healthz'"),
    reaches("decimal-loopback", "loopback as one number", "f'http://2130706433:{port}/healthz'"),
    reaches(
        "octal-loopback",
        "loopback in octal",
        "f'http://0177.0.0.1:{port}/healthz'",
        says="is not a URL",
    ),
    reaches("nobody-s-address", "the address of no host", "f'http://0.0.0.0:{port}/healthz'"),
    reaches("mapped-loopback", "loopback as IPv6", "f'http://[::ffff:127.0.0.1]:{port}/healthz'"),
    reaches("ipv6-loopback", "IPv6's loopback", "f'http://[::1]:{port}/healthz'"),
    reaches("localhost", "loopback by its name", "f'http://localhost:{port}/healthz'"),
    reaches("metadata", "the keys of the cloud", "'http://169.254.169.254/latest/meta-data/'"),
    reaches("private", "the operator's network", "'http://10.0.0.1/'"),
    reaches(
        "credentials-in-url",
        "an address behind an at sign",
        "f'http://example.com@127.0.0.1:{port}/healthz'",
    ),
    Hostile(
        name="http-injection",
        tries="a second request in the first",
        attack="""
def attack():
    for evil in ("http://127.0.0.1/\\r\\nEvil: 1", "http://127.0.0.1/ HTTP/1.1\\r\\nEvil: 1"):
        tell(Net.httpRequestAsync, evil)
    for headers in ({"X-A": "a\\r\\nEvil: 1"}, {"a\\r\\nEvil": "1"}, ["A: b\\r\\nEvil: 1"]):
        tell(lambda: Net.httpRequestAsync("http://127.0.0.1/", headers=headers))
    for method in ("GET / HTTP/1.1\\r\\nEvil: 1", "CONNECT", "TRACE"):
        tell(lambda: Net.httpRequestAsync("http://127.0.0.1/", method=method))
    for url in ("file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "//x", ""):
        tell(lambda: Net.httpRequestAsync(url))
""",
        says="refused ValueError",
    ),
    Hostile(
        name="requests",
        tries="a thousand requests with the biggest bodies",
        attack="""
async def attack():
    for _ in range(1000):
        try:
            Net.httpRequestAsync("http://10.0.0.1/", method="POST", postData="x" * 1_000_000)
        except LimitReached as exc:
            Logger.write(f"limit: {exc}")
            break
    await trio.sleep(1)
""",
        says="limit: ",
    ),
)
