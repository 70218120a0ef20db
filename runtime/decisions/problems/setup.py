"""Problems before the runtime serves: E30.. what is configured, E31.. what the machine has not."""

from __future__ import annotations

from runtime.decisions.problems.known import KnownProblem


class Setup(KnownProblem):
    """As the `callstage` command shows them on standard error, with exit code 2."""

    UNREADABLE = (
        "E3001",
        0,
        "The configuration cannot be read",
        "The file is missing, too large, not UTF-8, or not TOML.",
        "The text says where reading stopped.",
    )
    UNKNOWN_KEY = (
        "E3002",
        0,
        "A key is unknown",
        "Keys that would be passed over in silence are mostly misspelt.",
        "Take the name that the text proposes, or see the reference of the configuration.",
    )
    BAD_VALUE = (
        "E3003",
        0,
        "A value is not possible",
        "It is missing, of another type, outside its range, or at odds with another key.",
        "The text says what is possible.",
    )
    OVER_LIMIT = (
        "E3004",
        0,
        "A limit of the application is above the operator's",
        "[application.limits] may only lower what [limits] allows.",
        "Lower it, or raise the one under [limits].",
    )
    NOT_USABLE = (
        "E3005",
        0,
        "What the configuration names cannot be used",
        "A secret, password, key or certificate is read from elsewhere, and is not there or not "
        "what it must be.",
        "See to the file or environment variable that the text names; relative paths are those "
        "beside the configuration.",
    )
    BAD_OPTION = (
        "E3006",
        0,
        "An option of the command line is not possible",
        "Its value cannot be read.",
        "See `callstage VERB --help` for what it takes.",
    )
    NOT_LOADED = (
        "E3007",
        0,
        "A scenario or rule cannot be loaded",
        "It is not there, does not compile, imports what scripts have not, or no scenario is "
        "named at all.",
        "Mend everything that is listed; each line names file and line.",
    )
    OPEN_TO_OTHERS = (
        "E3008",
        0,
        "The HTTP interface would be open to others",
        "Without tokens it is served on loopback only.",
        "Add a token to [http.tokens], or listen at 127.0.0.1.",
    )
    NOT_LOCKED = (
        "E3101",
        0,
        "Scripts cannot be locked as well as is required",
        "Below [sandbox] require only loopback is served.",
        "See with `callstage doctor` what is missing on this machine.",
    )
    NO_ADDRESS = (
        "E3102",
        0,
        "An address cannot be listened at",
        "It is taken, is not this machine's, or needs more rights.",
        "Choose another port (0 is any), or see which process has it.",
    )
    NO_STORE = (
        "E3103",
        0,
        "The data folder cannot be used",
        "Its database is damaged, of a newer version, in use, or sealed with another key.",
        "The text says which; keys are those of [data] key_file or key_env.",
    )
    NOT_STARTED = (
        "E3104",
        0,
        "A part of the runtime does not start",
        "The audio engine, the recorder, or the process that starts scripts.",
        "The text says why; mostly ports, memory, open files or rights.",
    )
