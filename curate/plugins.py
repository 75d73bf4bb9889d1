"""Find and build plug-ins by name: a file in the right folder, an entry point, or the path of a file.

Nothing registers itself. A folder is listed without importing what is in it, so a new file is found the moment it is
there; its module's name is its public name, and `__all__` names its one class.
"""

from __future__ import annotations

import copyreg
import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import json
import pkgutil
import sys
import typing
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from schemas.errors import PluginError

__all__ = ["KINDS", "Parameter", "load", "make", "names", "parameters", "where"]

KINDS: Mapping[str, str] = {
    "scorer": "scorers",
    "verifier": "scorers",
    "length": "scorers.length",
    "generator": "generators",
    "engine": "generators.engines",
    "source": "curate.sources",
    "exporter": "curate.export",
}
"""Kind to the package whose files are its plug-ins. The entry-point group of a kind is `curate.<kind>s`."""

_VERIFIER = "verify_"
"""Scorers and verifiers share a folder; a verifier's name says that it is one."""
_DEFAULT_VERIFIER = "verify_answer"


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a plug-in, for people."""

    name: str
    type: str
    default: str
    """As Python writes it; empty where the field must be given."""


def names(kind: str) -> list[str]:
    """Return the names of every plug-in of a kind, sorted, without importing any of them.

    Raises:
        PluginError: no such kind.

    """
    return sorted({*_shipped(kind), *_entry_points(kind)})


def load(kind: str, ref: str) -> type[Any]:
    """Return the class of a plug-in named by its file, by an entry point, or by the path of a `.py` file.

    Raises:
        PluginError: unknown, broken on import, or without exactly one class in `__all__`.

    """
    _package(kind)
    if ref.endswith(".py") or "/" in ref:
        return _from_file(kind, Path(ref))
    if ref in _shipped(kind):
        return _one_class(kind, ref, _imported(kind, ref, f"{KINDS[kind]}.{ref}"))
    found = _entry_points(kind).get(ref)
    if found is not None:
        return _from_entry_point(kind, found)
    known = ", ".join(names(kind)) or "none"
    raise PluginError(f"no {kind} is named '{ref}': there are {known}; or give the path of a .py file")


def make(kind: str, ref: str, **params: object) -> Any:
    """Build a plug-in. Text for a field that is not text is read as JSON and checked against the field's type.

    A field `verifier` takes a verifier's name, and gets `verify_answer` where nothing is given.

    Raises:
        PluginError: as `load`; a parameter that does not exist, is missing, or has a value of the wrong type.

    """
    cls = load(kind, ref)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    unknown = sorted(set(params) - set(fields))
    if unknown:
        known = ", ".join(fields) or "none"
        raise PluginError(f"{kind} '{ref}' has no parameter '{unknown[0]}': there are {known}")
    hints = typing.get_type_hints(cls)
    values = {name: _value(kind, ref, name, hints[name], value) for name, value in params.items()}
    missing = [name for name, field in fields.items() if name not in values and _required(field)]
    if "verifier" in missing:
        values["verifier"] = make("verifier", _DEFAULT_VERIFIER)
        missing.remove("verifier")
    if missing:
        raise PluginError(f"{kind} '{ref}' needs the parameter '{missing[0]}' ({hints[missing[0]]})")
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise PluginError(f"{kind} '{ref}' cannot be built: {error}") from error


def parameters(cls: type[Any]) -> list[Parameter]:
    """Describe the fields of a plug-in's class."""
    return [Parameter(field.name, _type_text(field.type), _default_text(field)) for field in dataclasses.fields(cls)]


def where(kind: str, name: str) -> str:
    """Return the file or entry point a name stands for, without importing it."""
    if name in _shipped(kind):
        package = importlib.import_module(_package(kind))
        return next(str(path) for folder in package.__path__ if (path := Path(folder, f"{name}.py")).exists())
    found = _entry_points(kind).get(name)
    return found.value if found else ""


def _package(kind: str) -> str:
    if kind not in KINDS:
        raise PluginError(f"no kind of plug-in is called '{kind}': there are {', '.join(KINDS)}")
    return KINDS[kind]


def _shipped(kind: str) -> list[str]:
    package = importlib.import_module(_package(kind))
    found = [entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg]
    public = [name for name in found if not name.startswith("_")]
    if kind in {"scorer", "verifier"}:
        return [name for name in public if name.startswith(_VERIFIER) == (kind == "verifier")]
    return public


def _entry_points(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"curate.{kind}s")}


def _from_entry_point(kind: str, entry: EntryPoint) -> type[Any]:
    module = _imported(kind, entry.name, entry.module)
    if not entry.attr:
        return _one_class(kind, entry.name, module)
    found = getattr(module, entry.attr, None)
    if not inspect.isclass(found):
        raise PluginError(f"{kind} '{entry.name}' points at {entry.value}, which is not a class")
    return found


def _from_file(kind: str, path: Path) -> type[Any]:
    """Import a file by itself, once; its folder never enters `sys.path`."""
    path = path.resolve()
    if not path.is_file():
        raise PluginError(f"no {kind} at {path}: there is no such file")
    # The file's name comes last, for it is the plug-in's public id; the rest keeps two files of one name apart.
    name = f"_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}.{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise PluginError(f"{kind} {path} is not a Python file: its name must end in .py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except Exception as error:
            del sys.modules[name]
            raise _broken(kind, str(path), error) from error
    cls = _one_class(kind, str(path), sys.modules[name])
    # Worker processes cannot import such a module by name; they load the file again.
    _FILES[cls] = (kind, str(path))
    copyreg.pickle(cls, _reduce)
    return cls


_FILES: dict[type[Any], tuple[str, str]] = {}


def _reduce(plugin: Any) -> tuple[Any, ...]:
    values = {field.name: getattr(plugin, field.name) for field in dataclasses.fields(plugin) if field.init}
    return _revive, (*_FILES[type(plugin)], values)


def _revive(kind: str, path: str, values: Mapping[str, Any]) -> Any:
    return load(kind, path)(**values)


def _imported(kind: str, ref: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise _broken(kind, ref, error) from error


def _broken(kind: str, ref: str, error: Exception) -> PluginError:
    return PluginError(f"{kind} '{ref}' cannot be imported: {type(error).__name__}: {error}")


def _one_class(kind: str, ref: str, module: ModuleType) -> type[Any]:
    public = getattr(module, "__all__", None)
    if public is None or len(public) != 1:
        found = "no __all__" if public is None else f"{len(public)} names in __all__"
        raise PluginError(f"{kind} '{ref}' has {found}: it must name exactly one class")
    cls = getattr(module, public[0], None)
    if not inspect.isclass(cls) or not dataclasses.is_dataclass(cls):
        raise PluginError(f"{kind} '{ref}' names {public[0]} in __all__, which is not a dataclass")
    return cls


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _value(kind: str, ref: str, name: str, hint: Any, value: object) -> Any:
    if name == "verifier" and isinstance(value, str):
        return make("verifier", value)
    if not isinstance(value, str) or hint is str:
        return value
    from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

    try:
        return TypeAdapter(hint).validate_python(_json(value))
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise PluginError(f"{kind} '{ref}': {name}={value} does not fit {_type_text(hint)}: {problem}") from error
    except PydanticSchemaGenerationError as error:
        raise PluginError(f"{kind} '{ref}': {name} is a {_type_text(hint)} and cannot be given as text") from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _type_text(hint: object) -> str:
    if isinstance(hint, str):
        return hint
    return hint.__name__ if inspect.isclass(hint) else str(hint).replace("typing.", "")


def _default_text(field: dataclasses.Field[Any]) -> str:
    if _required(field):
        return ""
    factory = field.default_factory
    return repr(field.default if factory is dataclasses.MISSING else factory())
