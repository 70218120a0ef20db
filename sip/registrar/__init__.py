"""The registrar without I/O (RFC 3261 10): who can be reached where."""

from .binding import Binding as Binding
from .binding import way_back as way_back
from .contacts import check_contact as check_contact
from .registrar import RegisterResult as RegisterResult
from .registrar import Registrar as Registrar
from .registrar import RegistrationChanged as RegistrationChanged
from .settings import RegistrarSettings as RegistrarSettings
from .settings import User as User

__all__ = [
    "Binding",
    "RegisterResult",
    "Registrar",
    "RegistrarSettings",
    "RegistrationChanged",
    "User",
    "check_contact",
    "way_back",
]
