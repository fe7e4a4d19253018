"""Methods by name: every file in a plural folder (datasets/, attacks/, ...) may define one or more.

A method is a frozen settings object that can act. Its file registers it; nothing else has to be edited.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializeAsAny, model_serializer, model_validator

LARGEST: dict[type, float] = {int: 2**63 - 1, float: 3.4e38}
"""What any number of a setting is at most: what NumPy's whole numbers and float32 can hold."""


class Settings(BaseModel):
    """Frozen, validated settings; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _numbers_of_this_world(cls, given: Any) -> Any:
        """No number that arithmetic would not survive; said before any field is looked at."""
        for name, value in given.items() if isinstance(given, dict) else ():
            most = LARGEST.get(type(value))
            if most and not abs(value) <= most:
                raise ValueError(
                    f"{str(name)[:40]}={str(value)[:20]}: expected a number of at most {most:.4g}; correct it"
                )
        return given


class Plugin(Settings):
    """Settings of one method, together with the method. Subclasses set `name` and `title`."""

    name: ClassVar[str]
    title: ClassVar[str]

    @model_serializer(mode="wrap")
    def _with_name(self, handler: Any) -> dict[str, Any]:
        return {"name": self.name} | handler(self)


P = TypeVar("P", bound=Plugin)


@cache
def members(family: str) -> dict[str, type[Plugin]]:
    """All methods of a family (`detectors`), by name, sorted."""
    package = import_module(f"core.{family}")
    found: dict[str, type[Plugin]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        for item in vars(import_module(f"core.{family}.{info.name}")).values():
            if isinstance(item, type) and issubclass(item, Plugin) and "name" in vars(item):
                found[item.name] = item
    return dict(sorted(found.items()))


def create(family: str, name: str, **settings: Any) -> Any:
    """The method `name` of a family with these settings; an unknown name lists the choices."""
    known = members(family)
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"unknown {family[:-1]} '{str(name)[:60]}'; choose from {list(known)}")
    return known[name](**settings)


def asked_for(method: Callable[..., Any], offered: Iterable[str]) -> tuple[str, ...]:
    """Names of the results that a plugin's method reads: its arguments. Raises TypeError for one not offered."""
    names = tuple(inspect.signature(method).parameters)
    if unknown := set(names) - set(offered):
        owner = getattr(method, "__self__", None)
        who = f"{method.__name__} of '{owner.name}'" if isinstance(owner, Plugin) else method.__name__
        raise TypeError(f"{who} asks for {sorted(unknown)}; it may ask for {sorted(offered)}")
    return names


def member_of(family: str) -> Any:
    """Field type for a method of `family`: accepts {"name": ..., settings} and keeps the full subclass."""

    def parse(value: Any) -> Any:
        if isinstance(value, Plugin):
            return value
        if isinstance(value, str):
            return create(family, value)
        if not isinstance(value, dict) or "name" not in value:
            raise ValueError(f"expected a table with a name; choose from {list(members(family))}")
        return create(family, **value)

    return Annotated[SerializeAsAny[Plugin], BeforeValidator(parse)]
