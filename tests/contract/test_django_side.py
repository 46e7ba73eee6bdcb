"""A Django site has the contract under its own name, without anything of the workers."""

import subprocess
import sys

from tests.contract.published import ROOT

PROGRAM = """
import importlib, importlib.abc, pathlib, pkgutil, sys, types

allowed = {*sys.stdlib_module_names, "django_posters", "msgspec", "orjson"}

class OnlyThese(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} is not a dependency of the contract")

sys.meta_path.insert(0, OnlyThese())
# The package itself needs Django; its contract must not.
package = types.ModuleType("django_posters")
package.__path__ = [sys.argv[1]]
sys.modules["django_posters"] = package
import django_posters.contract as contract
names = [found.name for found in pkgutil.iter_modules(contract.__path__, "django_posters.contract.")]
for name in names:
    importlib.import_module(name)
codec = sys.modules["django_posters.contract.codec"]
event = codec.decode(pathlib.Path(sys.argv[2]).read_bytes(), codec.Envelope)
print(type(event).__module__, len(names), "schemas" in sys.modules)
"""


def test_contract_needs_only_its_codecs() -> None:
    """`django_posters.contract` is imported whole with msgspec and orjson and nothing else, and reads events."""
    package = ROOT / "django_posters" / "src" / "django_posters"
    example = ROOT / "schemas" / "examples" / "poster.completed" / "1" / "testimonial.json"
    modules = len(list((ROOT / "schemas").glob("*.py"))) - 1  # without __init__

    run = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", PROGRAM, str(package), str(example)],
        check=False,
        capture_output=True,
        text=True,
    )

    assert run.stderr == ""
    assert run.stdout == f"django_posters.contract.outcomes {modules} False\n"


def test_contract_is_not_a_copy() -> None:
    """There is one contract: the Django side's is a link to it."""
    link = ROOT / "django_posters" / "src" / "django_posters" / "contract"

    assert link.is_symlink()
    assert link.resolve() == ROOT / "schemas"
    assert not link.readlink().is_absolute()
