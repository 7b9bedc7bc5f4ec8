"""Policies by name: `trivial`, `noisy:wrong=0.1,loop=0.02`, or one's own as `module:factory`."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, runtime_checkable

from tracewarp.collect.policy import Policy
from tracewarp.envs.loading import load_object
from tracewarp.errors import OptionError, PolicyError, TracewarpError

POLICIES: dict[str, str] = {
    "trivial": "tracewarp.collect.simple_policies:TrivialPolicy",
    "random": "tracewarp.collect.simple_policies:RandomPolicy",
    "overlap": "tracewarp.collect.simple_policies:OverlapPolicy",
    "oracle": "tracewarp.collect.oracle_policies:OraclePolicy",
    "noisy": "tracewarp.collect.oracle_policies:NoisyOraclePolicy",
    "model": "tracewarp.collect.model_policy:ModelPolicies",
}
"""Name -> where its factory is. A factory takes the settings as keyword arguments and gives a `Policy`, or a
`SharedPolicies` where all policies of a run share something in one process, such as a model."""


_SECRET = re.compile(r"api_?key|password|secret|(^|_)token$", re.IGNORECASE)
_CREDENTIALS = re.compile(r"//[^/@,]*@")


@runtime_checkable
class SharedPolicies(Protocol):
    """Policies that share something: the workers of a run are threads of one process, each with its own policy."""

    def policy(self) -> Policy:
        """One more policy, for one more thread."""
        ...

    def close(self) -> None:
        """Let go of what is shared; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A policy as it is written on the command line, taken apart."""

    text: str
    """As it was written, for the record; credentials of an address are left out."""
    factory: str
    """`module:name`."""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> PolicySpec:
        """Read `name`, `module:factory`, and either with `:name=value,name=value` behind it.

        Values that read as numbers, `true`, `false` or `none` become such; the rest is text.

        Raises:
            PolicyError: an unknown name.
            OptionError: settings that are not of the form name=value, or a secret among them.
        """
        name, _, rest = text.partition(":")
        shown = _CREDENTIALS.sub("//", text)
        if name in POLICIES:
            return cls(shown, POLICIES[name], _settings(shown, rest))
        factory, _, rest = rest.partition(":")
        if not name or not factory.isidentifier():
            raise PolicyError(f"policy {text!r}: expected one of {', '.join(POLICIES)}, or module:factory of your own")
        return cls(shown, f"{name}:{factory}", _settings(shown, rest))

    def load(self) -> Policy | SharedPolicies:
        """Import the factory and call it with the settings.

        Raises:
            PolicyError: it cannot be imported, does not take these settings, or gives no policy.
        """
        made = self._factory()
        if missing := _missing(made, self.settings):
            got = f", got {', '.join(self.settings)}" if self.settings else ""
            raise PolicyError(f"policy {self.text}: expected the setting {' and '.join(missing)}{got}")
        try:
            found = made(**self.settings)
        except TypeError as error:
            raise PolicyError(f"policy {self.text}: {error}{_where(error)}") from error
        except TracewarpError:
            raise
        except (Exception, SystemExit) as error:
            raise PolicyError(f"policy {self.text}: cannot be made: {_said(error)}") from error
        if not isinstance(found, SharedPolicies) and not _is_policy(found):
            raise PolicyError(
                f"policy {self.text}: expected {self.factory} to give an object with name, start, act, describe and "
                f"close, got {type(found).__name__}"
            )
        return cast("Policy | SharedPolicies", found)

    def _factory(self) -> Callable[..., object]:
        try:
            found = load_object(self.factory)
        except LookupError as error:
            raise PolicyError(f"policy {self.text}: {error}") from None
        except (Exception, SystemExit) as error:  # code of the user's own, and the user must find the line
            raise PolicyError(f"policy {self.text}: cannot be imported: {_said(error)}") from error
        if not callable(found):
            raise PolicyError(f"policy {self.text}: expected a class or a function, got {type(found).__name__}")
        return cast(Callable[..., object], found)


def one_policy(shared: SharedPolicies, text: str) -> Policy:
    """One more of the policies that share something.

    Raises:
        PolicyError: `policy()` raises, or returns no policy.
    """
    try:
        found: object = shared.policy()
    except TracewarpError:
        raise
    except (Exception, SystemExit) as error:
        raise PolicyError(f"policy {text}: policy() failed: {_said(error)}") from error
    if not _is_policy(found):
        raise PolicyError(
            f"policy {text}: expected policy() to give an object with name, start, act, describe and close, got "
            f"{type(found).__name__}"
        )
    return cast(Policy, found)


def _missing(factory: Callable[..., object], settings: Mapping[str, Any]) -> list[str]:
    """Settings that a factory needs and that are not given."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # some functions written in C have none
        return []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    needed = [one.name for one in parameters if one.kind in named and one.default is one.empty]
    return [name for name in needed if name not in settings]


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}{_where(error)}"


def _where(error: BaseException) -> str:
    """The last place of a traceback, for an error in code that this package did not write."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _is_policy(found: object) -> bool:
    methods = ("start", "act", "describe", "close")
    return isinstance(getattr(found, "name", None), str) and all(callable(getattr(found, m, None)) for m in methods)


def _settings(text: str, rest: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in rest.split(",") if rest else ():
        name, equals, value = part.partition("=")
        if not equals or not name.strip().isidentifier():
            raise OptionError(f"policy {text!r}: expected settings of the form name=value, got {part!r}")
        if _SECRET.search(name.strip()):
            raise OptionError(f"policy: {name.strip()} would be recorded; set it in the process's environment instead")
        if name.strip() in found:
            raise OptionError(f"policy {text!r}: the setting {name.strip()} stands there twice")
        found[name.strip()] = read_value(value.strip())
    return found


def read_value(text: str) -> Any:
    """A setting as it is written: a number, `true`, `false`, `none`, or text."""
    words: dict[str, Any] = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
